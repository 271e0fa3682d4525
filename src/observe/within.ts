/** Undefined when it fails or takes longer. */
export function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs, undefined)
    const settle = (value?: Value) => {
      clearTimeout(timer)
      resolve(value)
    }
    work.then(settle, () => settle())
  })
}
