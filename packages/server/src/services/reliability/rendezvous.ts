/** Rendezvous hashing: every key has its own order of the targets, and a target that is gone moves only its own keys. */

/** FNV-1a over UTF-16 code units, with the finish of MurmurHash3: near keys land far apart. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** How strongly a key is drawn to a target: the largest wins, and wins a share of the keys by its weight. */
export function toPull(key: string, target: { readonly name: string; readonly weight: number }): number {
  // Strictly between 0 and 1, so that the logarithm is finite and not 0.
  const uniform = (hash32(`${target.name}\n${key}`) + 0.5) / 2 ** 32
  return -target.weight / Math.log(uniform)
}
