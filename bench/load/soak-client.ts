/** Entry of the traffic of a soak: `node soak-client.ts <SoakJob as JSON>`; prints a SoakReport as JSON. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from '../harness/statistics.ts'
import { createHttpCaller, type HttpCaller } from './http-caller.ts'
import { soakVisits, toChat, toFlood, type SoakVisit } from './soak-visits.ts'

/** Visits at a rate, whatever becomes of those before. */
export type SoakJob = {
  readonly port: number
  readonly visitsPerSecond: number
  readonly durationMs: number
  readonly opening: SoakOpening
  readonly seed: number
}

/**
 * What comes before the visits, to bring memory to where it has its bounds: growth up to them is none, and at the pace of
 * the visits it would take longer than the soak.
 */
export type SoakOpening = {
  /** Models never heard of: the server remembers so many. */
  readonly strangers: number
  /** Readers of megabytes at the same time: what they need at most, V8 and the allocator keep. */
  readonly slowReaders: number
}

/** How the visits of one kind went. */
export type VisitCount = {
  /** What it was there for came to pass, be it a refusal. */
  answered: number
  /** An error of a vendor was passed on, where that may be. */
  failed: number
  /** What must not be, by what it was. */
  readonly wrong: Record<string, number>
}

/** What the client saw, by kind of visit. */
export type SoakReport = { readonly visits: Readonly<Record<string, VisitCount>>; readonly postponed: number }

/** Visits beyond these are put off: the client must not be what grows. */
const mostAtATime = 200
const graceMs = 40_000
const openingPauseMs = 3_000

function choose(random: () => number): SoakVisit {
  const total = soakVisits.reduce((sum, { weight }) => sum + weight, 0)
  let place = random() * total
  return soakVisits.find(({ weight }) => (place -= weight) < 0) ?? soakVisits[0]
}

function note(count: VisitCount, outcome: string): void {
  if (outcome === 'answered' || outcome === 'failed') count[outcome] += 1
  else count.wrong[outcome] = (count.wrong[outcome] ?? 0) + 1
}

async function open(caller: HttpCaller, { strangers, slowReaders }: SoakOpening): Promise<void> {
  let asked = 0
  const ask = async (): Promise<void> => {
    while (asked < strangers) {
      asked += 1
      await caller.ask(toChat(`well/stranger-${asked}`, asked))
    }
  }
  await Promise.all(Array.from({ length: 4 }, ask))
  await Promise.all(Array.from({ length: slowReaders }, (_, index) => caller.dawdle(toFlood(index), openingPauseMs)))
}

async function main(job: SoakJob): Promise<void> {
  const random = createRandom(job.seed)
  const caller = createHttpCaller(job.port)
  const visits: Record<string, VisitCount> = Object.fromEntries(
    soakVisits.map(({ name }) => [name, { answered: 0, failed: 0, wrong: {} }]),
  )
  const underWay = new Set<Promise<void>>()
  let postponed = 0
  let turn = 0
  await open(caller, job.opening)
  const endMs = performance.now() + job.durationMs
  while (performance.now() < endMs) {
    await sleep((-Math.log(1 - random()) * 1000) / job.visitsPerSecond)
    if (underWay.size >= mostAtATime) {
      postponed += 1
      continue
    }
    const visit = choose(random)
    turn += 1
    const count = visits[visit.name]
    const visiting: Promise<void> = visit
      .pay({ caller, random, turn })
      .catch((error: unknown) => `the client met ${error instanceof Error ? error.message : String(error)}`)
      .then((outcome) => {
        if (count !== undefined) note(count, outcome)
        underWay.delete(visiting)
      })
    underWay.add(visiting)
  }
  const allDone = Promise.all(underWay).then(() => true)
  if (!(await Promise.race([allDone, sleep(graceMs, false, { ref: false })]))) {
    visits['unfinished'] = { answered: 0, failed: 0, wrong: { 'still open at the end': underWay.size } }
  }
  caller.close()
  const report: SoakReport = { visits, postponed }
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}

// The harness writes this argument itself, from a SoakJob.
await main(JSON.parse(process.argv[2] ?? '') as SoakJob)
