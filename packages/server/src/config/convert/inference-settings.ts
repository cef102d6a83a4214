/** The settings of inference providers: where the second dialect has another key, or expects the API's path in the URL. */
import { isScalar, Scalar } from 'yaml'
import { findEnvExpressions } from '../env-grammar.ts'
import type { ConfigPath } from '../config-path.ts'
import type { Conversion } from './conversion.ts'
import { findPair, mapAt, renameKey, setText, takeValue, textOf, toMap } from './yaml-edit.ts'
import type { TreeMap } from './yaml-edit.ts'

interface UrlRule {
  /** The key of the first dialect. */
  readonly key: string
  /** What the first generation added by itself. */
  readonly suffix: string
}

const urlRules: Readonly<Record<string, UrlRule>> = Object.freeze({
  'remote::azure': { key: 'api_base', suffix: '/openai/v1' },
  'remote::cerebras': { key: 'base_url', suffix: '/v1' },
  'remote::databricks': { key: 'url', suffix: '/serving-endpoints' },
  'remote::fireworks': { key: 'url', suffix: '' },
  'remote::groq': { key: 'url', suffix: '/openai/v1' },
  'remote::llama-openai-compat': { key: 'openai_compat_api_base', suffix: '' },
  'remote::nvidia': { key: 'url', suffix: '/v1' },
  'remote::ollama': { key: 'url', suffix: '/v1' },
  'remote::passthrough': { key: 'url', suffix: '' },
  'remote::runpod': { key: 'url', suffix: '' },
  'remote::sambanova': { key: 'url', suffix: '' },
  'remote::together': { key: 'url', suffix: '' },
  'remote::vllm': { key: 'url', suffix: '' },
  'remote::watsonx': { key: 'url', suffix: '' },
})

/** Converts the settings of one provider in place. */
export function convertInferenceSettings(
  type: string,
  settings: TreeMap,
  at: { conversion: Conversion; path: ConfigPath },
): void {
  const rule = urlRules[type]
  if (rule !== undefined) convertUrl(settings, rule, appendsPath(settings))
  if (findPair(settings, 'append_api_version') !== undefined) {
    takeValue(settings, 'append_api_version')
    at.conversion.changed([...at.path, 'append_api_version'], 'append_api_version is gone: base_url has the path now.')
  }
  const verify = takeValue(settings, 'tls_verify')
  if (verify !== undefined) networkOf(settings).set('tls', toMap({ verify }))
  if (type === 'remote::nvidia' || type === 'remote::watsonx') {
    const timeout = takeValue(settings, 'timeout')
    if (timeout !== undefined) networkOf(settings).set('timeout', timeout)
  }
}

/** Adds a path to a URL as it is written. An expression that may be empty stays empty without its variable. */
export function withSuffix(written: string, suffix: string): string {
  const url = written.replace(/\/+$/, '')
  if (suffix === '' || url === '' || url.endsWith(suffix)) return written
  const [only, ...others] = findEnvExpressions(url)
  if (only === undefined || others.length > 0 || only.text !== url) return url + suffix
  if (only.operator !== 'default') return url + suffix
  if (only.operand === '') return `${url}\${env.${only.variable}:+${suffix}}`
  const operand = only.operand.replace(/\/+$/, '')
  if (operand.endsWith(suffix)) return url
  return `\${env.${only.variable}:=${operand}}${suffix}`
}

function convertUrl(settings: TreeMap, { key, suffix }: UrlRule, appends: boolean): void {
  if (findPair(settings, 'base_url') !== undefined && key !== 'base_url') return
  renameKey(settings, key, 'base_url')
  const written = textOf(settings, 'base_url')
  if (written !== undefined && appends) setText(settings, 'base_url', withSuffix(written, suffix))
}

function appendsPath(settings: TreeMap): boolean {
  const value = findPair(settings, 'append_api_version')?.value
  return !(isScalar(value) && value.value === false)
}

function networkOf(settings: TreeMap): TreeMap {
  const network = mapAt(settings, 'network') ?? toMap({})
  if (mapAt(settings, 'network') === undefined) settings.set(new Scalar('network'), network)
  return network
}
