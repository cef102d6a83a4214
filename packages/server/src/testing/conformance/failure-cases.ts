/** Cases about vendors that fail: with words of their own, with nonsense, in the middle of a stream. */
import type { ErrorCode, StackError } from '@llama-stack/api'
import { inspect } from 'node:util'
import { bug } from '@llama-stack/api'
import { expect } from 'vitest'
import type { ScriptedReply } from '../scripted-upstream.ts'
import { toChatAnswer } from './conformance-case.ts'
import type { ConformanceCase, SubjectUnderTest } from './conformance-case.ts'
import { CONFORMANCE_KEY, createScriptedRig, failureOf, isScripted, toCall, toChat } from './rig.ts'
import type { ScriptedDeclaration, VendorAnswer } from './rig.ts'
import { PROVIDER_ID, serveChat, serveChatStream } from './served-reply.ts'
import { textTurn } from './turns.ts'
import type { ChatScript, VendorFaultKind, VendorStream } from './vendor-script.ts'

/** What each failure is in the error table, and the status that the client sees. */
const FAULTS: Readonly<Record<VendorFaultKind, { readonly codes: readonly ErrorCode[]; readonly status: number }>> =
  Object.freeze({
    authentication: { codes: ['provider_authentication'], status: 401 },
    permission: { codes: ['provider_authentication'], status: 403 },
    not_found: { codes: ['provider_invalid_request', 'model_not_found'], status: 404 },
    rate_limit: { codes: ['provider_rate_limited'], status: 429 },
    invalid_request: { codes: ['provider_invalid_request'], status: 400 },
    content_policy: { codes: ['provider_content_policy'], status: 400 },
    internal: { codes: ['provider_internal'], status: 500 },
  })

const SENTENCE = 'Nothing good will come of this.'

const PAGE: ScriptedReply = {
  status: 502,
  headers: { 'content-type': 'text/html' },
  text: '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>',
}

/** The cases of failures. */
export const failureCases: readonly ConformanceCase[] = [
  ...(Object.keys(FAULTS) as VendorFaultKind[]).map((kind): ConformanceCase => ({
    capability: kind === 'content_policy' ? 'content filter' : 'errors',
    title: `the vendor’s ${kind.replaceAll('_', ' ')} error is translated`,
    scriptedOnly: true,
    run: (under) => expectFault(under, kind),
  })),
  {
    capability: 'errors',
    title: 'a page of a proxy is an error of the vendor, without the page',
    scriptedOnly: true,
    async run(under) {
      const failure = await failureOfChat(under, PAGE)
      expect(failure.code).toBe('provider_internal')
      expect(failure.message).not.toContain('<')
    },
  },
  {
    capability: 'errors',
    title: 'a page in place of a reply cannot be understood',
    scriptedOnly: true,
    async run(under) {
      expect((await failureOfChat(under, { ...PAGE, status: 200 })).code).toBe('provider_bad_reply')
    },
  },
  {
    capability: 'errors',
    title: 'a reply that is cut off cannot be understood',
    scriptedOnly: true,
    async run(under) {
      const { chat } = scripted(under)
      const cut: VendorAnswer = (request) => {
        const whole = chat.reply(textTurn, chat.read(request), request)
        const text = 'json' in whole ? JSON.stringify(whole.json) : bug('a whole reply is JSON')
        return { headers: { 'content-type': 'application/json' }, text: text.slice(0, -20) }
      }
      expect((await failureOfChat(under, cut)).code).toBe('provider_bad_reply')
    },
  },
  {
    capability: 'errors',
    title: 'a vendor that hangs up is unreachable',
    scriptedOnly: true,
    async run(under) {
      expect((await failureOfChat(under, { reset: true })).code).toBe('provider_unreachable')
    },
  },
  {
    capability: 'errors',
    title: 'an error in place of a stream is an error before the stream',
    scriptedOnly: true,
    async run(under) {
      const { declaration, model } = scripted(under)
      const answer = declaration.subject.script.fault({ kind: 'internal', message: SENTENCE })
      await using rig = await createScriptedRig(declaration, answer)
      const failure = await failureOf(rig.provider.chatCompletion?.(toChat(model, { stream: true }), toCall()))
      expect(failure).toMatchObject({ code: 'provider_internal', message: expect.stringContaining(SENTENCE) })
    },
  },
  {
    capability: 'broken streams',
    title: 'a stream that breaks off is an error after what came',
    scriptedOnly: true,
    run: (under) =>
      expectBrokenOff(under, ({ contentType, frames, silentFrames = 0 }) => ({
        headers: { 'content-type': contentType },
        frames,
        resetAfter: silentFrames + 3,
      })),
  },
  {
    capability: 'broken streams',
    title: 'a stream that ends before the answer does is an error',
    scriptedOnly: true,
    run: (under) =>
      expectBrokenOff(under, ({ contentType, frames, silentFrames = 0 }) => ({
        headers: { 'content-type': contentType },
        frames: frames.slice(0, silentFrames + 3),
      })),
  },
  {
    capability: 'broken streams',
    title: 'a stream that ends within a frame is an error',
    scriptedOnly: true,
    run: (under) =>
      expectBrokenOff(under, ({ contentType, frames, silentFrames = 0 }) => {
        const next = Buffer.from((frames[silentFrames + 3] ?? '') as string)
        const cut = next.subarray(0, Math.floor(next.length / 2))
        return {
          headers: { 'content-type': contentType },
          frames: [...frames.slice(0, silentFrames + 3), cut],
        }
      }),
  },
  {
    capability: 'broken streams',
    title: 'an error within a stream is told in the vendor’s words',
    scriptedOnly: true,
    unfit: ({ chat }) => (chat?.faultFrame === undefined ? 'the vendor just breaks off' : undefined),
    async run(under) {
      const { faultFrame = bug('skipped') } = scripted(under).chat
      const failure = await expectBroken(under, ({ contentType, frames, silentFrames = 0 }) => ({
        headers: { 'content-type': contentType },
        frames: [...frames.slice(0, silentFrames + 3), faultFrame({ kind: 'internal', message: SENTENCE })],
      }))
      expect(failure.message).toContain(SENTENCE)
    },
  },
]

function scripted({ declaration }: SubjectUnderTest): {
  readonly declaration: ScriptedDeclaration
  readonly chat: ChatScript
  readonly model: string
} {
  if (!isScripted(declaration)) bug('the case needs a vendor')
  const { chat } = declaration.subject.script
  return {
    declaration,
    chat: chat ?? bug('the script has no chat'),
    model: declaration.models.chat ?? bug('the declaration names no chat model'),
  }
}

async function expectFault(under: SubjectUnderTest, kind: VendorFaultKind): Promise<void> {
  const { declaration } = scripted(under)
  const retryAfterSeconds = 3
  const fault = { kind, message: SENTENCE, ...(kind === 'rate_limit' && { retryAfterSeconds }) }
  const failure = await failureOfChat(under, declaration.subject.script.fault(fault))
  const { codes, status } = FAULTS[kind]
  expect(codes).toContain(failure.code)
  expect(failure.status).toBe(status)
  expect(failure.details).toMatchObject({
    provider: PROVIDER_ID,
    ...(kind === 'rate_limit' && { retryAfterMs: retryAfterSeconds * 1000 }),
  })
  expect(failure.message).toContain(SENTENCE)
}

/** The error of one chat. Whatever it is, it does not show the credential. */
async function failureOfChat(under: SubjectUnderTest, answer: VendorAnswer): Promise<StackError> {
  const { declaration, model } = scripted(under)
  await using rig = await createScriptedRig(declaration, answer)
  const failure = await failureOf(serveChat(rig.provider, toChat(model), toCall()))
  expect(inspect(failure, { depth: 10 })).not.toContain(CONFORMANCE_KEY)
  return failure
}

async function expectBrokenOff(under: SubjectUnderTest, send: (stream: VendorStream) => ScriptedReply): Promise<void> {
  expect((await expectBroken(under, send)).code).toBe('provider_stream_broken')
}

async function expectBroken(
  under: SubjectUnderTest,
  send: (stream: VendorStream) => ScriptedReply,
): Promise<StackError> {
  const { declaration, chat, model } = scripted(under)
  await using rig = await createScriptedRig(declaration, toChatAnswer(chat, textTurn, send))
  let text = ''
  const failure = await failureOf(
    serveChatStream(rig.provider, toChat(model), {
      call: toCall(),
      onChunk: ({ choices }) => (text += choices[0]?.delta.content ?? ''),
    }),
  )
  expect(text).not.toBe('')
  expect(textTurn.pieces.join('').startsWith(text)).toBe(true)
  expect(failure).toMatchObject({ details: { provider: PROVIDER_ID } })
  expect(inspect(failure, { depth: 10 })).not.toContain(CONFORMANCE_KEY)
  return failure
}
