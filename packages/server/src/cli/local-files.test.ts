import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PACKAGES_FOLDER_VARIABLE } from '../kernel/optional-package.ts'
import { llamaPackage } from '../providers/inference/_llama-engine.ts'
import { createStack } from '../stack.ts'
import { greeter } from '../testing/llama-rig.ts'
import { describeWithPackage, optionalPackagesFolder } from '../testing/optional-package-case.ts'
import { runCommand } from '../testing/run-command.ts'
import { writeTinyGguf } from '../testing/tiny-gguf.ts'
import { tinyCrossEncoderFiles, tinyEmbeddingFiles, writeModelFolder } from '../testing/tiny-onnx-models.ts'
import { toFilesLine } from './banner.ts'
import { detect } from './detect.ts'
import type { Detection } from './detect.ts'
import { toDetectedConfig } from './detected-config.ts'

let home: string
let models: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'local-files-'))
  models = join(home, '.llama-stack/models')
  mkdirSync(models, { recursive: true })
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A folder where a package can be found, whatever is in it. */
function install(name: string): void {
  const directory = join(home, 'packages/node_modules', name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'main.js' }))
  writeFileSync(join(directory, 'main.js'), '')
}

/** Nothing but the files and the variables of the test counts. */
function look(env: Record<string, string | undefined> = {}): Promise<Detection> {
  return detect({
    env: { [PACKAGES_FOLDER_VARIABLE]: join(home, 'packages'), ...env },
    home,
    fetch: () => Promise.reject(new TypeError('refused')),
    probe: false,
    keyed: [{ providerType: 'remote::openai', variable: 'OPENAI_API_KEY' }],
  })
}

const typesOf = (detection: Detection): (string | undefined)[] =>
  toDetectedConfig(detection, home).providers?.map(({ type }) => type) ?? []

describe('[B053] models in files', () => {
  it('are none where there is no file that can be read', async () => {
    writeFileSync(join(models, 'broken.gguf'), 'GGUF, or so it says')
    await writeModelFolder(join(models, 'acme/half'), { 'config.json': {} })
    expect(await look()).toEqual({ engines: [], files: [], keys: [] })
    rmSync(models, { recursive: true })
    expect((await look()).files).toEqual([])
  })

  it('are served after engines and before keys where their package is there', async () => {
    install('node-llama-cpp')
    mkdirSync(join(models, 'acme'))
    writeTinyGguf(join(models, 'acme/greeter.gguf'), greeter)
    const detection = await look({ OLLAMA_HOST: 'box', OPENAI_API_KEY: 'sk-1' })
    expect(detection.files).toMatchObject([
      { kind: { label: 'GGUF files' }, models: ['acme/greeter'], install: undefined },
    ])
    expect(detection.files.map(toFilesLine)).toEqual([{ state: 'on', name: 'GGUF files', facts: ['1 model'] }])
    expect(typesOf(detection)).toEqual([
      'remote::ollama',
      'inline::llama-cpp',
      'remote::openai',
      'inline::demo',
      'inline::lexical',
    ])
  })

  it('are not served without their package, and what installs it is said', async () => {
    writeTinyGguf(join(models, 'greeter.gguf'), greeter)
    const detection = await look()
    expect(detection.files.map(toFilesLine)).toEqual([
      { state: 'attention', name: 'GGUF files', facts: ['1 model', 'to run them: npm install node-llama-cpp@3.21.1'] },
    ])
    expect(typesOf(detection)).toEqual(['inline::demo', 'inline::lexical'])
    const { stdout } = await runCommand(['doctor', '--json'], { home, fetch: () => Promise.reject(new TypeError()) })
    const { checks } = JSON.parse(stdout) as { checks: { name: string }[] }
    expect(checks.filter(({ name }) => name.endsWith('files'))).toMatchObject([
      { name: 'GGUF files', status: 'warning', fix: 'npm install node-llama-cpp@3.21.1' },
      { name: 'ONNX files', status: 'off' },
    ])
  })

  it('are served by what they can do, without stand-ins for others', async () => {
    install('onnxruntime-node')
    await writeModelFolder(join(models, 'acme/tiny'), tinyEmbeddingFiles())
    const config = { fallback: 'error' }
    const embedding = { api: 'inference', id: 'sentence-transformers', type: 'inline::sentence-transformers', config }
    expect(toDetectedConfig(await look(), home).providers?.slice(0, -2)).toEqual([embedding])
    // The cache of Hugging Face's own programs counts, too.
    const cached = join(home, '.cache/huggingface/hub/models--acme--cross')
    await writeModelFolder(join(cached, 'snapshots/c0ffee'), tinyCrossEncoderFiles([0]))
    mkdirSync(join(cached, 'refs'))
    writeFileSync(join(cached, 'refs/main'), 'c0ffee')
    const both = await look()
    expect(both.files).toMatchObject([{ models: ['acme/cross', 'acme/tiny'] }])
    const rerank = { api: 'inference', id: 'transformers', type: 'inline::transformers', config }
    expect(toDetectedConfig(both, home).providers?.slice(0, -2)).toEqual([embedding, rerank])
  })
})

describeWithPackage(llamaPackage, 'a GGUF file that was found', () => {
  it('is what auto stands for', async () => {
    writeTinyGguf(join(models, 'greeter.gguf'), greeter)
    const env = { HOME: home, [PACKAGES_FOLDER_VARIABLE]: optionalPackagesFolder() }
    await using stack = await createStack({ config: toDetectedConfig(await look(env), join(home, 'data')), env })
    await stack.refreshModels()
    expect(await stack.findAuto()).toBe('llama-cpp/greeter')
    const response = await stack.fetch('http://stack/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'Hi' }] }),
    })
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
    expect(choices[0]?.message.content).toBe('Hello world!')
  })
})
