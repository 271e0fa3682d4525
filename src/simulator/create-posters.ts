import { createPoster, type Poster, type PosterOptions } from './create-poster.ts'

/** A poster for each address, made when it is first needed. */
export interface Posters {
  to(url: string): Poster
  close(): void
}

export function createPosters(options: Omit<PosterOptions, 'url'>): Posters {
  const posters = new Map<string, Poster>()
  return {
    to(url) {
      const poster = posters.get(url) ?? createPoster({ ...options, url: new URL(url) })
      posters.set(url, poster)
      return poster
    },
    close: () => {
      for (const poster of posters.values()) poster.close()
    },
  }
}
