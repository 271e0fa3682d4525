/** Flags that make a server, its threads and its handlers' processes write CPU profiles when they end. */
export function profileFlags(folder: string | undefined, name: string): readonly string[] {
  if (folder === undefined) return []
  const preload = new URL('./profile-threads.mjs', import.meta.url).href
  return ['--cpu-prof', `--cpu-prof-dir=${folder}/${name}`, '--import', preload]
}
