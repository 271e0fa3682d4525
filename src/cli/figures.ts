export { formatCount, formatCounted } from '../counted.ts'

/** 4096 → `4.1 KB`, 180000000 → `180.0 MB` */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

/** 0.42 → `0.4 ms`, 1834 → `1.8 s`, 90000 → `1 min 30 s` */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** ISO text → `2026-11-21 09:30:05`, in UTC; `-` when there is none. */
export function formatInstant(isoText: string | null | undefined): string {
  if (!isoText) return '-'
  return isoText.replace(/\.\d+Z$|Z$/, '').replace('T', ' ')
}
