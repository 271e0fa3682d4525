const Module = require('node:module')
const { Server } = require('node:net')

/* Says, whenever somebody begins to listen, whether the provider's SDK is loaded by then. */
const { listen } = Server.prototype
Server.prototype.listen = function (...given) {
  const isLoaded = Object.keys(Module._cache).some((file) => file.includes('/mailtrap/'))
  process.stderr.write(`the SDK is ${isLoaded ? '' : 'not '}loaded\n`)
  return listen.apply(this, given)
}
