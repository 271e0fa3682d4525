/** An address that can be opened on this machine: listening everywhere is no address to go to. */
export function reachableUrl(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=[:/]|$)/, '//127.0.0.1').replace(/\/$/, '')
}
