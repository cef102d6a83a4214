import { Prompt, type Prompts } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createIds } from '../../kernel/ids.ts'
import { callBy } from '../../testing/model-rig.ts'
import { valueOf } from '../../testing/reply-value.ts'
import { createTemporaryStorage } from '../../testing/temporary-storage.ts'
import { createPromptsService } from './prompts-service.ts'
import { renderStoredPrompt } from './render-prompt.ts'

let opened: Awaited<ReturnType<typeof createTemporaryStorage>>
let service: Prompts
beforeAll(async () => {
  opened = await createTemporaryStorage()
  service = createPromptsService({ storage: opened.storage, clock: systemClock, ids: createIds() })
})
afterAll(() => opened[Symbol.asyncDispose]())

const newcomer = () => callBy(crypto.randomUUID())

describe('prompts', () => {
  test('are created, read and deleted', async () => {
    const anna = newcomer()
    const created = await valueOf(service.createPrompt({ prompt: 'Hello {{ name }}', variables: ['name'] }, anna))
    expect(created).toMatchObject({ prompt: 'Hello {{ name }}', variables: ['name'], version: 1, is_default: true })
    expect(created.prompt_id).toMatch(/^pmpt_[0-9a-f]{48}$/)
    expect(Prompt.parse(created)).toEqual(created)
    const path = { prompt_id: created.prompt_id }
    expect(await valueOf(service.retrievePrompt(path, anna))).toEqual(created)
    expect(await valueOf(service.retrievePrompt({ ...path, version: 1 }, anna))).toEqual(created)
    expect(await valueOf(service.deletePrompt(path, anna))).toBeUndefined()
    await expect(service.retrievePrompt(path, anna)).rejects.toMatchObject({ code: 'prompt_not_found', status: 404 })
    await expect(service.deletePrompt(path, anna)).rejects.toMatchObject({ code: 'prompt_not_found' })
  })

  test('change in versions, each on top of the latest', async () => {
    const anna = newcomer()
    const { prompt_id } = await valueOf(service.createPrompt({ prompt: 'one' }, anna))
    const update = (version: number, prompt: string, more = {}) =>
      valueOf(service.updatePrompt({ prompt_id, version, prompt, ...more }, anna))
    expect(await update(1, 'two')).toMatchObject({ version: 2, is_default: true })
    expect(await update(2, 'three', { set_as_default: false })).toMatchObject({ version: 3, is_default: false })
    expect(await valueOf(service.retrievePrompt({ prompt_id }, anna))).toMatchObject({ prompt: 'two', version: 2 })
    for (const stale of [1, 2, 99]) {
      await expect(update(stale, 'four')).rejects.toMatchObject({
        code: 'prompt_version_conflict',
        status: 409,
        message: expect.stringContaining('version: 3'),
      })
    }
    const { data } = await valueOf(service.listPromptVersions({ prompt_id }, anna))
    expect(data.map(({ prompt, version, is_default }) => [prompt, version, is_default])).toEqual([
      ['one', 1, false],
      ['two', 2, true],
      ['three', 3, false],
    ])
    const chosen = await valueOf(service.setDefaultPromptVersion({ prompt_id, version: 1 }, anna))
    expect(chosen).toMatchObject({ prompt: 'one', version: 1, is_default: true })
    await expect(service.setDefaultPromptVersionByPost({ prompt_id, version: 4 }, anna)).rejects.toMatchObject({
      code: 'prompt_not_found',
      message: expect.stringContaining('no version 4'),
    })
    await expect(service.retrievePrompt({ prompt_id, version: 4 }, anna)).rejects.toMatchObject({ param: 'version' })
  })

  test('are listed by their default versions, newest first, to their owner only', async () => {
    const [anna, otto] = [newcomer(), newcomer()]
    const first = await valueOf(service.createPrompt({ prompt: 'first' }, anna))
    const second = await valueOf(service.createPrompt({ prompt: 'second' }, anna))
    const { prompt_id } = first
    const changed = await valueOf(service.updatePromptByPost({ prompt_id, version: 1, prompt: 'changed' }, anna))
    expect(await valueOf(service.listPrompts({}, anna))).toEqual({ data: [second, changed] })
    expect(await valueOf(service.listPrompts({}, otto))).toEqual({ data: [] })
    const unknown = { code: 'prompt_not_found' }
    await expect(service.retrievePrompt({ prompt_id }, otto)).rejects.toMatchObject(unknown)
    await expect(service.updatePrompt({ prompt_id, version: 2, prompt: 'x' }, otto)).rejects.toMatchObject(unknown)
    await expect(service.setDefaultPromptVersion({ prompt_id, version: 1 }, otto)).rejects.toMatchObject(unknown)
    await expect(service.listPromptVersions({ prompt_id }, otto)).rejects.toMatchObject(unknown)
    await expect(service.deletePrompt({ prompt_id }, otto)).rejects.toMatchObject(unknown)
  })

  test('declare the variables that stand in them', async () => {
    const anna = newcomer()
    const create = (prompt: string, variables?: string[]) => service.createPrompt({ prompt, variables }, anna)
    await expect(create('{{a}} {{ b }} {{c}}', ['b'])).rejects.toMatchObject({
      code: 'invalid_value',
      status: 400,
      param: 'variables',
      message: expect.stringMatching(/'a', 'c'.*\["b","a","c"\]/),
    })
    await expect(create('{{a}}')).rejects.toMatchObject({ param: 'variables' })
    await expect(create('x', ['not a name'])).rejects.toMatchObject({
      message: expect.stringContaining('"not a name"'),
    })
    // An image needs no place in the text.
    expect(await valueOf(create('Hello', ['photo', 'photo']))).toMatchObject({ variables: ['photo'] })
    const { prompt_id } = await valueOf(create('Hello'))
    const update = service.updatePrompt({ prompt_id, version: 1, prompt: '{{a}}' }, anna)
    await expect(update).rejects.toMatchObject({ param: 'variables' })
  })
})

describe('a request', () => {
  test('gets the version that it names, or the default', async () => {
    const anna = newcomer()
    const prompts = opened.storage.prompts(anna.principal)
    const { prompt_id: id } = await valueOf(service.createPrompt({ prompt: 'A {{x}}', variables: ['x'] }, anna))
    await service.updatePrompt({ prompt_id: id, version: 1, prompt: 'B {{x}}', variables: ['x'] }, anna)
    const render = (more: object) => renderStoredPrompt(prompts, { id, variables: { x: '1' }, ...more })
    expect((await render({})).instructions).toBe('B 1')
    expect((await render({ version: null })).instructions).toBe('B 1')
    expect((await render({ version: '1' })).instructions).toBe('A 1')
    await expect(render({ version: '3' })).rejects.toMatchObject({ code: 'prompt_not_found', param: 'version' })
    await expect(render({ version: 'latest' })).rejects.toMatchObject({ param: 'prompt.version' })
    await expect(render({ id: 'pmpt_0', version: '1' })).rejects.toMatchObject({ param: 'prompt_id' })
    await expect(render({ variables: null })).rejects.toMatchObject({ code: 'missing_field' })
  })
})
