/** In which order the targets of a route are asked. */
import type { Latency } from './latency.ts'
import { toPull } from './rendezvous.ts'

/** `order`: as written. The others spread calls; each call still falls back along all of its targets. */
export type Strategy = 'order' | 'weighted' | 'least_latency' | 'session'

/** What the strategies look at. */
export interface Candidate {
  readonly weight: number
  readonly target: { readonly name: string; readonly latency: Pick<Latency, 'expectedMs'> }
}

/** What one call brings. */
export interface Draw {
  readonly strategy: Strategy
  /** From 0 up to 1. */
  readonly random: () => number
  /** Asked for where sessions are kept together. */
  readonly sessionKey: () => string
  readonly nowMs: number
}

/** The candidates in the order in which this call should try them. */
export function arrange<Of extends Candidate>(candidates: readonly Of[], draw: Draw): readonly Of[] {
  switch (draw.strategy) {
    case 'order':
      return candidates
    case 'weighted':
      return drawByWeight(candidates, draw.random)
    case 'least_latency':
      return sortBy(candidates, ({ target, weight }) => target.latency.expectedMs(draw.nowMs) / weight)
    case 'session': {
      const key = draw.sessionKey()
      return sortBy(candidates, ({ target, weight }) => -toPull(key, { name: target.name, weight }))
    }
  }
}

/** Draws without putting back, so that what is tried after a failure follows the weights too. */
function drawByWeight<Of extends Candidate>(candidates: readonly Of[], random: () => number): Of[] {
  const left = [...candidates]
  const drawn: Of[] = []
  while (left.length > 0) {
    let point = random() * left.reduce((sum, { weight }) => sum + weight, 0)
    const at = left.findIndex(({ weight }) => (point -= weight) < 0)
    // Rounding may leave a rest of the last one's weight.
    drawn.push(...left.splice(at === -1 ? left.length - 1 : at, 1))
  }
  return drawn
}

function sortBy<Of>(items: readonly Of[], rank: (item: Of) => number): Of[] {
  return items
    .map((item) => ({ item, rank: rank(item) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
