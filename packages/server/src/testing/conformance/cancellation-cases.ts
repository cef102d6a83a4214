/** Cases about clients that leave: the vendor is let go at once, and nothing stays open. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bug, isStackError } from '@llama-stack/api'
import { expect } from 'vitest'
import type { ConformanceCase, SubjectUnderTest } from './conformance-case.ts'
import { openChat, toChatAnswer } from './conformance-case.ts'
import type { ScriptedReply } from '../scripted-upstream.ts'
import { createScriptedRig, isScripted, toCall, toChat } from './rig.ts'
import type { ScriptedRig } from './rig.ts'
import { serveChat, serveChatStream } from './served-reply.ts'
import { textTurn } from './turns.ts'
import type { VendorStream } from './vendor-script.ts'

/** How soon the vendor has to know. */
const PATIENCE_MS = 100
/** Far longer than the case waits: the vendor would go on for this long. */
const GAP_MS = 2000

/** The cases of cancellation. */
export const cancellationCases: readonly ConformanceCase[] = [
  {
    capability: 'cancellation',
    title: 'a stream ends within 100 ms when the client leaves',
    timed: true,
    async run(under) {
      await using chat = await openChat(under, { says: textTurn, send: sendSlowly })
      const leaving = new AbortController()
      let leftMs = 0
      const stream = serveChatStream(chat.provider, chat.request, {
        call: toCall({ signal: leaving.signal }),
        onChunk() {
          leftMs ||= performance.now()
          leaving.abort()
        },
      })
      await settled(stream)
      expect(leftMs).toBeGreaterThan(0)
      expect(performance.now() - leftMs).toBeLessThan(PATIENCE_MS)
    },
  },
  {
    capability: 'cancellation',
    title: 'a client that leaves a stream lets the vendor go within 100 ms',
    timed: true,
    scriptedOnly: true,
    run: (under) =>
      withSlowVendor(under, async (rig, model) => {
        const leaving = new AbortController()
        const left = new Promise<void>((resolve) => leaving.signal.addEventListener('abort', () => resolve()))
        const stream = serveChatStream(rig.provider, toChat(model), {
          call: toCall({ signal: leaving.signal }),
          onChunk: () => leaving.abort(),
        })
        await Promise.race([left, stream])
        await expectLetGo(rig)
        await settled(stream)
      }),
  },
  {
    capability: 'cancellation',
    title: 'a consumer that stops reading lets the vendor go within 100 ms',
    timed: true,
    scriptedOnly: true,
    run: (under) =>
      withSlowVendor(under, async (rig, model) => {
        const reply = await rig.provider.chatCompletion?.(toChat(model, { stream: true }), toCall())
        if (reply?.kind === 'events') for await (const _chunk of reply.events) break
        else if (reply?.kind === 'upstream') reply.response.body.cancel()
        else bug('a call that streams got a value')
        await expectLetGo(rig)
      }),
  },
  {
    capability: 'cancellation',
    title: 'a client that leaves before the reply lets the vendor go within 100 ms',
    timed: true,
    scriptedOnly: true,
    async run({ declaration }) {
      if (!isScripted(declaration)) bug('the case needs a vendor')
      const model = declaration.models.chat ?? bug('the declaration names no chat model')
      await using rig = await createScriptedRig(declaration, { delayMs: GAP_MS, text: '' })
      const leaving = new AbortController()
      const chat = serveChat(rig.provider, toChat(model), toCall({ signal: leaving.signal }))
      // The call has to be under way, a token exchange before it included.
      while (rig.asked.length === 0) await sleep(5)
      leaving.abort()
      await expect(chat).rejects.toSatisfy((error) => isStackError(error))
      await expectLetGo(rig)
    },
  },
]

async function withSlowVendor(
  { declaration }: SubjectUnderTest,
  run: (rig: ScriptedRig, model: string) => Promise<void>,
): Promise<void> {
  if (!isScripted(declaration)) bug('the case needs a vendor')
  const chat = declaration.subject.script.chat ?? bug('the script has no chat')
  const model = declaration.models.chat ?? bug('the declaration names no chat model')
  await using rig = await createScriptedRig(declaration, toChatAnswer(chat, textTurn, sendSlowly))
  await run(rig, model)
}

/** The first content at once, the rest far apart. */
function sendSlowly({ contentType, frames, silentFrames = 0 }: VendorStream): ScriptedReply {
  const head = frames.slice(0, silentFrames + 2).map((frame) => Buffer.from(frame as string))
  return {
    headers: { 'content-type': contentType },
    frames: [Buffer.concat(head), ...frames.slice(silentFrames + 2)],
    gapMs: GAP_MS,
  }
}

/** The vendor's side sees it: the call is aborted and its connection is closed. */
async function expectLetGo(rig: ScriptedRig): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (rig.asked.some((request) => !request.aborted) && performance.now() < deadline) await sleep(5)
  expect(rig.asked.map((request) => request.aborted)).toEqual(rig.asked.map(() => true))
  expect(rig.asked.length).toBeGreaterThan(0)
  // A token exchange may leave an idle connection; the call's own is gone.
  expect(rig.vendor.connections).toBeLessThanOrEqual(rig.vendor.requests.length - rig.asked.length)
}

/** A stream whose client has left may end either way; it must end. */
async function settled(stream: Promise<unknown>): Promise<void> {
  const outcome = stream.then(
    () => 'ended',
    (error: unknown) => (isStackError(error) ? 'ended' : 'failed'),
  )
  expect(await Promise.race([outcome, sleep(1000, 'still open')])).toBe('ended')
}
