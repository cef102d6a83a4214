/** The fault table as a page of the reference. */
import type { FaultName } from '../../packages/server/src/testing/faulty-upstream.ts'
import { DEADLINE_MS, PATIENCE_MS } from './fault-scene.ts'
import type { FaultCell } from './fault-scene.ts'

/** The two cells of one kind of reply. */
export interface FaultRow {
  readonly fault: FaultName
  readonly streamed: boolean
  readonly alone: FaultCell
  readonly backed: FaultCell
  /** The time within which both have to be done. */
  readonly boundMs: number
}

/** Renders the page. `known`: faults that clients still suffer from, and how. */
export function renderFaultTable(rows: readonly FaultRow[], known: Readonly<Partial<Record<string, string>>>): string {
  return [
    '# Faults',
    '',
    'What a client gets when its vendor has a fault. `tests/scenarios/faults.test.ts` plays each of them against a whole',
    'stack and compares what happens with this page; `npx vitest run tests/scenarios/faults.test.ts -u` writes it anew.',
    '',
    `The stack bears a silence of ${PATIENCE_MS} ms here (\`network.timeout\`), asks a target once more before the next`,
    `(\`reliability.retries\`), and gives one request ${DEADLINE_MS} ms (\`reliability.deadline_ms\`). "Two targets": an alias`,
    'whose second target is healthy. After each row no socket, timer or promise is left.',
    '',
    '| The vendor … | Reply | One target | Two targets | Tried | Within | Its connection |',
    '|---|---|---|---|---|--:|---|',
    ...rows.map(
      ({ fault, streamed, alone, backed, boundMs }) =>
        `| ${fault} | ${streamed ? 'stream' : 'JSON'} | ${describeOutcome(alone)} | ${describeOutcome(backed)} | ${describeAttempts(backed)} | ${boundMs / 1000} s | ${alone.connectionsAfter === 0 ? 'closed' : 'kept'} |`,
    ),
    '',
    ...(Object.keys(known).length === 0 ? [] : ['Not yet as it should be:', '']),
    ...Object.entries(known).map(([fault, reason = '']) => `- A vendor that ${fault}: ${reason}.`),
    ...(Object.keys(known).length === 0 ? [] : ['']),
  ].join('\n')
}

function describeOutcome({ status, code, end, text }: FaultCell): string {
  const some = text === '' ? '' : 'the text so far, then '
  switch (end) {
    case 'whole':
      return status === 200 ? 'the reply' : `${status}`
    case 'error':
      return status === 200 ? `${some}\`${code}\`` : `${status} \`${code}\``
    case 'cut':
      return `${some}nothing`
    case 'left':
      return 'goes on until the client leaves'
  }
}

/** The header tells what was tried before the head of the reply, comments in the stream who took over after it. */
function describeAttempts({ headers, takenOver }: FaultCell): string {
  const tried = headers.get('x-llama-stack-attempts') ?? 'the first'
  if (takenOver.length === 0) return tried
  const names = takenOver.map((fields) => (JSON.parse(fields) as { provider?: string }).provider ?? 'nobody')
  return `${tried}, and after its head ${names.join(', ')}`
}
