/** Entry of the client of aliases: `node failover-client.ts <FailoverJob as JSON>`; prints a FailoverReport as JSON. */
import { quantile } from '../harness/statistics.ts'
import { toChatRequest, toStreamRequest } from '../mock/bodies.ts'
import { createHttpCaller, type HttpReply } from './http-caller.ts'

/** So many requests, every other one streamed, at so many connections. */
export type FailoverJob = {
  readonly port: number
  readonly path: string
  readonly model: string
  readonly requests: number
  readonly connections: number
}

/** What the client saw. */
export type FailoverReport = {
  readonly answered: number
  readonly wallMs: number
  /** From the request to the last byte of its reply. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** What came instead of an answer, with how often. */
  readonly faults: Readonly<Record<string, number>>
  /** How often each provider was asked, as the replies tell. */
  readonly asked: Readonly<Record<string, number>>
}

const attemptsHeader = 'x-llama-stack-attempts'
const providerHeader = 'x-llama-stack-provider'

/** Who was asked for this reply: the header of attempts is there when the first did not answer. */
function toAsked({ headers }: HttpReply): string[] {
  const attempts = headers[attemptsHeader]
  if (attempts === undefined) return [String(headers[providerHeader])]
  return String(attempts)
    .split(', ')
    .map((attempt) => attempt.slice(0, attempt.indexOf('=')))
}

function findFault({ status, text }: HttpReply, streamed: boolean): string | undefined {
  if (status !== 200) return `status ${status}`
  if (streamed ? text.endsWith('data: [DONE]\n\n') && !text.includes('"error"') : text.includes('"content"'))
    return undefined
  return streamed ? 'a stream broke off' : 'a reply without content'
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

async function main(job: FailoverJob): Promise<void> {
  const { port, path, model, requests, connections } = job
  const caller = createHttpCaller(port)
  const bodies = [JSON.stringify(toChatRequest(model, 'S')), JSON.stringify(toStreamRequest(model))]
  const tookMs: number[] = []
  const faults: Record<string, number> = {}
  const asked: Record<string, number> = {}
  let started = 0
  const ask = async (): Promise<void> => {
    while (started < requests) {
      const streamed = started % 2 === 1
      started += 1
      const startMs = performance.now()
      const reply = await caller.ask({ path, body: bodies[streamed ? 1 : 0] })
      tookMs.push(performance.now() - startMs)
      for (const provider of toAsked(reply)) increment(asked, provider)
      const fault = findFault(reply, streamed)
      if (fault !== undefined) increment(faults, fault)
    }
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: connections }, ask))
  const wallMs = performance.now() - startMs
  caller.close()
  const failed = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const [p50Ms, p99Ms] = [quantile(tookMs, 0.5), quantile(tookMs, 0.99)]
  const report: FailoverReport = { answered: requests - failed, wallMs, p50Ms, p99Ms, faults, asked }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

// The harness writes this argument itself, from a FailoverJob.
await main(JSON.parse(process.argv[2] ?? '') as FailoverJob)
