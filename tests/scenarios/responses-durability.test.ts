/** Responses in the background whose process is killed at every stage, and which complete all the same. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResponseObject } from '@llama-stack/api'
import { describe, expect, test, vi } from 'vitest'
import { ask, getResponse, idOf, readAll, readAlong, readUntil, withDurableServer } from './durable-scene.ts'
import type { DurableScene, ServerProcess } from './durable-scene.ts'
import { checkStream } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'

// Each test starts several processes, one after the other.
vi.setConfig({ testTimeout: 60_000 })

const background = { input: 'Go', background: true, stream: true }

/** Reads a response from after the events that the client has to its end, and holds both against each other. */
async function completes(server: ServerProcess, seen: readonly string[]) {
  const id = idOf(seen[0])
  const rest = await readAll(await readAlong(server, id, seen.length - 1))
  expect(JSON.parse(rest[0] ?? '{}')).toMatchObject({ sequence_number: seen.length })
  const { response, events } = checkStream([...seen, ...rest])
  expect(await getResponse(server, id)).toEqual(response)
  // Whoever reads all of it later reads the same.
  expect(await readAll(await readAlong(server, id))).toEqual([...seen, ...rest])
  return { response, events }
}

/** What the model was told last. */
const toldLast = ({ model }: DurableScene): unknown => model.asked.at(-1)?.messages.at(-1)?.content

const outputTypes = ({ output }: { readonly output: readonly { readonly type: string }[] }): string[] =>
  output.map(({ type }) => type)

describe('[B130] a process that is killed', () => {
  test('with a call in flight: the effect happens once, and the model is told', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', calls({ name: 'write', arguments: { text: 'one' } }), says('Done.'))
      const first = await scene.start()
      const reply = await ask(first, { ...background, tools: [scene.tool] })
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
      await expect.poll(() => scene.effects).toEqual(['one'])
      await first.kill()
      const second = await scene.start()
      const { response } = await completes(second, seen)
      expect(response.status).toBe('completed')
      expect(outputTypes(response)).toEqual(['mcp_list_tools', 'mcp_call', 'message'])
      expect(response.output[1]).toMatchObject({ status: 'failed', error: expect.stringContaining('interrupted') })
      expect(toldLast(scene)).toContain('It may have taken effect')
      expect(scene.effects).toEqual(['one'])
      // What was listed before is not listed again.
      expect(scene.mcp.lists).toBe(1)
    })
  })

  test('with a call in flight that only reads: it is made again', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', calls({ name: 'read' }), says('Done.'))
      const first = await scene.start()
      const reply = await ask(first, { ...background, tools: [scene.tool] })
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
      await expect.poll(() => scene.mcp.calls.length).toBe(1)
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response.output[1]).toMatchObject({ status: 'completed', output: 'read: 42' })
      expect(scene.mcp.calls.length).toBe(2)
      expect(toldLast(scene)).toEqual([{ type: 'text', text: 'read: 42' }])
    })
  })

  test('with calls of the server and of the client in one turn: the client gets its own, once', async () => {
    await withDurableServer(async (scene) => {
      const look = { type: 'function', name: 'look', parameters: { type: 'object', properties: {} } }
      const note = { type: 'custom', name: 'note' }
      scene.model.answers(
        'Go',
        calls(
          { name: 'look', arguments: { at: 'it' } },
          { name: 'note', arguments: { input: 'so' } },
          { name: 'write', arguments: { text: 'one' } },
        ),
        says('Done.'),
      )
      const first = await scene.start()
      const seen = await readUntil(await ask(first, { ...background, tools: [scene.tool, look, note] }), (text) =>
        text.includes('mcp_call_arguments.done'),
      )
      await expect.poll(() => scene.effects).toEqual(['one'])
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'mcp_list_tools' },
          { type: 'function_call', status: 'completed', arguments: '{"at":"it"}' },
          { type: 'custom_tool_call', input: 'so' },
          { type: 'mcp_call', status: 'failed' },
        ],
      })
      expect(scene.effects).toEqual(['one'])
      expect(scene.model.asked.length).toBe(1)
    })
  })

  test('with an approved call in flight: it is made once, and told once', async () => {
    await withDurableServer(async (scene) => {
      const tool = { ...scene.tool, require_approval: 'always' }
      scene.model.answers('Go', calls({ name: 'write', arguments: { text: 'one' } }), says('Done.'))
      const first = await scene.start()
      const asked = (await (await ask(first, { input: 'Go', tools: [tool] })).json()) as ResponseObject
      const request = asked.output.find(({ type }) => type === 'mcp_approval_request')
      const approval = { type: 'mcp_approval_response', approval_request_id: request?.id, approve: true }
      const answered = { ...background, input: [approval], previous_response_id: asked.id, tools: [tool] }
      const seen = await readUntil(await ask(first, answered), (text) => text.includes('mcp_call_arguments.done'))
      await expect.poll(() => scene.effects).toEqual(['one'])
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response).toMatchObject({
        status: 'completed',
        output: [{ type: 'mcp_call', status: 'failed', approval_request_id: request?.id }, { type: 'message' }],
      })
      expect(scene.effects).toEqual(['one'])
    })
  })

  test('after a call and before the next turn: its outcome is told, the call is not repeated', async () => {
    await withDurableServer(async (scene) => {
      let isAsked = false
      scene.model.answers('Go', calls({ name: 'write', arguments: { text: 'one' } }), async () => {
        if (!isAsked) {
          isAsked = true
          await sleep(60_000, undefined, { ref: false })
        }
        return says('Done.')
      })
      const first = await scene.start()
      const reply = await ask(first, { ...background, tools: [scene.tool] })
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.completed'))
      await expect.poll(() => isAsked).toBe(true)
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response.output[1]).toMatchObject({ status: 'completed', output: 'written: one' })
      expect(toldLast(scene)).toEqual([{ type: 'text', text: 'written: one' }])
      expect(scene.effects).toEqual(['one'])
    })
  })

  test('while the model speaks: what was said is a message that is incomplete, and the turn is run again', async () => {
    await withDurableServer(async (scene) => {
      const words = Array.from({ length: 40 }, (_, index) => ({ delta: { content: `w${index} ` } }))
      scene.model.answers('Go', streams(words, { gapMs: 30 }))
      const first = await scene.start()
      const reply = await ask(first, background)
      const seen = await readUntil(reply, (text) => text.includes('w8 '))
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'message', status: 'incomplete', content: [{ text: expect.stringMatching(/^w0 w1 .*w8 /) }] },
          {
            type: 'message',
            status: 'completed',
            content: [{ text: words.map(({ delta }) => delta.content).join('') }],
          },
        ],
      })
      // The turn was run anew, not continued.
      expect(scene.model.asked.map(({ messages }) => messages)).toEqual([
        [{ role: 'user', content: 'Go' }],
        [{ role: 'user', content: 'Go' }],
      ])
    })
  })

  test('at once, when nothing is told yet', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', says('Done.'))
      const first = await scene.start()
      const reply = await ask(first, { input: 'Go', background: true })
      await first.kill()
      const queued = await reply.text()
      expect(queued).toContain('"status":"queued"')
      const second = await scene.start()
      const all = await readAll(await readAlong(second, idOf(queued)))
      expect(checkStream(all).response).toMatchObject({ status: 'completed', output: [{ type: 'message' }] })
    })
  })

  test('three times, each time with a call in flight', async () => {
    await withDurableServer(async (scene) => {
      const texts = ['one', 'two', 'three']
      scene.model.answers('Go', ...texts.map((text) => calls({ name: 'write', arguments: { text } })), says('Done.'))
      let server = await scene.start()
      const reply = await ask(server, { ...background, tools: [scene.tool] })
      let seen: string[] = []
      let stream = reply
      for (const text of texts) {
        seen = [...seen, ...(await readUntil(stream, (event) => event.includes('mcp_call.in_progress')))]
        await expect.poll(() => scene.effects.at(-1)).toBe(text)
        await server.kill()
        server = await scene.start()
        stream = await readAlong(server, idOf(seen[0]), seen.length - 1)
      }
      const { response } = await completes(server, seen)
      expect(response.status).toBe('completed')
      expect(outputTypes(response)).toEqual(['mcp_list_tools', 'mcp_call', 'mcp_call', 'mcp_call', 'message'])
      expect(scene.effects).toEqual(texts)
    })
  })

  test('again and again: the response fails in the end, and says why', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', () => new Promise(() => undefined))
      let server = await scene.start()
      const seen = await readUntil(await ask(server, background), (text) => text.includes('response.in_progress'))
      for (let times = 1; times <= 5; times += 1) {
        await expect.poll(() => scene.model.asked.length, { timeout: 15_000 }).toBe(times)
        await server.kill()
        server = await scene.start()
      }
      const { response } = await completes(server, seen)
      expect(response).toMatchObject({
        status: 'failed',
        error: { code: 'server_error', message: expect.stringContaining('5 times') },
      })
      expect(scene.model.asked.length).toBe(5)
    })
  })
})

describe('[B131] a process that is asked to end', () => {
  test('gives its responses back: the next one goes on with them at once', async () => {
    await withDurableServer(async (scene) => {
      const words = Array.from({ length: 200 }, (_, index) => ({ delta: { content: `w${index} ` } }))
      scene.model.answers('Go', streams(words, { gapMs: 50 }), says('Done.'))
      const first = await scene.start()
      const seen = await readUntil(await ask(first, background), (text) => text.includes('w3 '))
      const [upstream] = scene.vendor.requests.filter(({ method }) => method === 'POST')
      expect(await first.terminate()).toBe(0)
      await expect.poll(() => upstream?.aborted).toBe(true)
      scene.model.answers('Go', says('Done.'))
      const second = await scene.start()
      const startedAtMs = performance.now()
      const { response } = await completes(second, seen)
      expect(performance.now() - startedAtMs).toBeLessThan(9000)
      expect(response).toMatchObject({
        status: 'completed',
        output: [{ status: 'incomplete' }, { status: 'completed' }],
      })
    })
  })

  test('lets a call of a tool end: its outcome is there for the next one', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', calls({ name: 'write', arguments: { text: 'one' } }), says('Done.'))
      const first = await scene.start()
      const reply = await ask(first, { ...background, tools: [scene.tool] })
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
      await expect.poll(() => scene.effects).toEqual(['one'])
      expect(await first.terminate()).toBe(0)
      const { response } = await completes(await scene.start(), seen)
      expect(response.output[1]).toMatchObject({ status: 'completed', output: 'written: one' })
      expect(scene.effects).toEqual(['one'])
    })
  })

  test('goes on in the next one with what a client waited for that was cut off', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', calls({ name: 'read' }), says('Done.'))
      const first = await scene.start()
      const abort = new AbortController()
      const reply = await ask(first, { input: 'Go', stream: true, tools: [scene.tool] }, abort.signal)
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
      abort.abort()
      // The client's leaving is noticed, and what goes on without it is kept: lists show what is kept only.
      const list = async (): Promise<string> => (await fetch(`${first.url}/v1/responses`)).text()
      await expect.poll(list).toContain(idOf(seen[0]))
      await first.kill()
      const { response } = await completes(await scene.start(), seen)
      expect(response).toMatchObject({ status: 'completed', background: false })
      expect(scene.mcp.calls.length).toBe(2)
    })
  })
})

describe('[B132] two processes on one folder', () => {
  test('a response of one is read along and cancelled through the other', async () => {
    await withDurableServer(async (scene) => {
      const words = Array.from({ length: 400 }, (_, index) => ({ delta: { content: `w${index} ` } }))
      scene.model.answers('Go', streams(words, { gapMs: 30 }))
      const one = await scene.start()
      const other = await scene.start()
      const reply = await ask(one, background)
      const beginning = await readUntil(reply, (text) => text.includes('w3 '))
      const id = idOf(beginning[0])
      const along = readAll(await readAlong(other, id))
      const own = readAll(await readAlong(one, id))
      await sleep(500)
      const cancelled = await fetch(`${other.url}/v1/responses/${id}/cancel`, { method: 'POST' })
      expect([cancelled.status, await cancelled.json()]).toMatchObject([200, { id, status: 'cancelled' }])
      const texts = await along
      const { response } = checkStream(texts)
      expect(response.status).toBe('cancelled')
      // Who read at the process that made it reads the same, once that has noticed.
      expect(await own).toEqual(texts)
      expect(await getResponse(one, id)).toEqual(response)
      const [upstream] = scene.vendor.requests.filter(({ method }) => method === 'POST')
      await expect.poll(() => upstream?.aborted, { timeout: 5000 }).toBe(true)
    })
  })

  test('what the dead one had begun is taken over when its lease has run out', async () => {
    await withDurableServer(async (scene) => {
      scene.model.answers('Go', calls({ name: 'write', arguments: { text: 'one' } }), says('Done.'))
      const one = await scene.start()
      const other = await scene.start()
      const reply = await ask(one, { ...background, tools: [scene.tool] })
      const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
      await expect.poll(() => scene.effects).toEqual(['one'])
      await one.kill()
      const { response } = await completes(other, seen)
      expect(response.status).toBe('completed')
      expect(scene.effects).toEqual(['one'])
    })
  })

  test('of a server with workers, the one that dies leaves its responses to the others', async () => {
    await withDurableServer(async (scene) => {
      const texts = ['one', 'two', 'three', 'four']
      for (const text of texts) {
        scene.model.answers(text, calls({ name: 'write', arguments: { text } }), says('Done.'))
      }
      const server = await scene.start('--workers', '2')
      const replies = await Promise.all(
        texts.map((input) => ask(server, { ...background, input, tools: [scene.tool] })),
      )
      const seen = await Promise.all(
        replies.map((reply) => readUntil(reply, (text) => text.includes('mcp_call_arguments.done'))),
      )
      await expect.poll(() => scene.effects.length).toBe(texts.length)
      process.kill(server.workers[0] ?? 0, 'SIGKILL')
      await Promise.all(
        seen.map(async (each) => {
          const { response } = await completes(server, each)
          expect(response.status).toBe('completed')
        }),
      )
      expect(scene.effects.toSorted()).toEqual(texts.toSorted())
    })
  })
})
