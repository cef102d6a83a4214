/** The metadata server of Google's machines: tokens of the service account that a machine or a pod runs as. */
import { readFileSync } from 'node:fs'
import type { ProviderEnvironment } from '@llama-stack/api'
import type { Token } from '../token-cache.ts'
import { askForJson, askTokenEndpoint, CLOUD_PLATFORM_SCOPE, toToken } from './token-endpoint.ts'
import type { TokenBuyer } from './token-endpoint.ts'

/** Set by Cloud Run, App Engine and Cloud Functions, whose sandboxes do not show the machine. */
const SERVERLESS_VARIABLES = Object.freeze(['K_SERVICE', 'CLOUD_RUN_JOB', 'GAE_SERVICE', 'FUNCTION_TARGET'])

const HEADERS = Object.freeze({ 'metadata-flavor': 'Google' })

/** The address of the metadata server, or undefined where this is no machine of Google's. Asks nothing of the network. */
export function findMetadataOrigin(env: ProviderEnvironment): string | undefined {
  const host = env['GCE_METADATA_HOST']
  if (host !== undefined && host !== '') return `http://${host}`
  const isGoogle =
    SERVERLESS_VARIABLES.some((name) => (env[name] ?? '') !== '') || readProductName().startsWith('Google')
  return isGoogle ? 'http://metadata.google.internal' : undefined
}

/** Buys a token. */
export async function buyMachineToken(buyer: TokenBuyer, origin: string): Promise<Token<string>> {
  const path = '/computeMetadata/v1/instance/service-accounts/default/token'
  const url = `${origin}${path}?scopes=${encodeURIComponent(CLOUD_PLATFORM_SCOPE)}`
  return toToken(buyer, await askForJson(buyer, { method: 'GET', url, headers: HEADERS }))
}

/** The project of the machine. */
export async function readMachineProject(buyer: TokenBuyer, origin: string): Promise<string> {
  const url = `${origin}/computeMetadata/v1/project/project-id`
  return (await askTokenEndpoint(buyer, { method: 'GET', url, headers: HEADERS })).trim()
}

function readProductName(): string {
  try {
    return readFileSync('/sys/class/dmi/id/product_name', 'utf8').trim()
  } catch {
    // No Linux, or a container that hides it.
    return ''
  }
}
