import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { Unavailable } from '../harness/bench-error.ts'
import { mockModel } from '../mock/bodies.ts'
import type { TargetPlan } from './target.ts'

const packageName = '@portkey-ai/gateway'
const packageVersion = '1.15.2'
const installTimeoutMs = 120_000

/** The nearest peer in our language, from npm, with its own defaults. */
export const portkeyTarget: TargetPlan = {
  name: 'portkey',
  role: 'peer',
  model: mockModel,
  // It adds and reorders nothing in JSON, but its own headers and its own parsing stand in between.
  exact: false,
  toHeaders: (upstreamPort) => ({
    authorization: 'Bearer bench',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
  }),
  async toProgram(site, bench) {
    const script = await installOnDemand(bench)
    const env = { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' }
    return { name: 'portkey', command: process.execPath, args: [script, '--headless', `--port=${site.port}`], env }
  },
}

async function installOnDemand(bench: Bench): Promise<string> {
  const peers = join(bench.root, 'bench/.peers')
  const script = join(peers, 'node_modules', packageName, 'build/start-server.js')
  if (existsSync(script)) return script
  bench.say(`  installing ${packageName}@${packageVersion} into bench/.peers`)
  const args = ['i', '--no-save', '--no-audit', '--no-fund', '--prefix', peers, `${packageName}@${packageVersion}`]
  try {
    await bench.supervisor.run({ name: 'npm', command: 'npm', args }, installTimeoutMs)
  } catch (error) {
    throw new Unavailable(`npm could not install it: ${error instanceof Error ? error.message : String(error)}`)
  }
  return script
}
