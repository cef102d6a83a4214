/** The credentials that Amazon's own machines and containers are given: EC2 (version 2 of its service), ECS and EKS. */
import { isStackError, StackError } from '@llama-stack/api'
import type { UpstreamRequest } from '@llama-stack/api'
import { readAll } from '../byte-stream.ts'
import { asRecord } from '../json-record.ts'
import type { Token } from '../token-cache.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import type { AwsWorld } from './aws-world.ts'
import type { CredentialSource } from './credential-source.ts'
import { readTokenFile } from './security-token-service.ts'

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/'
const TOKEN_PATH = '/latest/api/token'
const TOKEN_LIFE_SECONDS = '21600'
/** The service is on the machine itself: what does not answer at once is not there. */
const network = Object.freeze({ timeout: 2 })
const MAX_REPLY_BYTES = 64 * 1024

/** The plain-text addresses that containers are told; any other host has to prove itself by TLS. */
const CONTAINER_HOSTS = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', 'localhost', '[::1]'])

type Container = Extract<CredentialSource, { kind: 'container' }>
type Instance = Extract<CredentialSource, { kind: 'instance' }>

/** Asks the agent of a container service. */
export async function loadContainerCredentials(source: Container, world: AwsWorld): Promise<Token<AwsCredentials>> {
  const { url, token, tokenFile } = source
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !CONTAINER_HOSTS.has(hostname) && !hostname.startsWith('127.')) {
    throw refused(world, 'the address of the container’s credentials is neither local nor https')
  }
  const authorization = tokenFile === undefined ? token : await readTokenFile(tokenFile, 'the container’s token', world)
  return parseCredentials(
    await ask({ url, headers: authorization === undefined ? {} : { authorization } }, world),
    world,
  )
}

/** Asks the metadata service of a virtual machine for a session, the name of its role, and the role's keys. */
export async function loadInstanceCredentials({ endpoint }: Instance, world: AwsWorld): Promise<Token<AwsCredentials>> {
  const root = endpoint.replace(/\/+$/, '')
  const session = await ask(
    {
      method: 'PUT',
      url: root + TOKEN_PATH,
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': TOKEN_LIFE_SECONDS },
      body: '',
    },
    world,
  )
  const headers = { 'x-aws-ec2-metadata-token': session.trim() }
  const [role = ''] = (await ask({ url: root + ROLE_PATH, headers }, world)).split('\n')
  return parseCredentials(await ask({ url: root + ROLE_PATH + encodeURIComponent(role.trim()), headers }, world), world)
}

type Question = Pick<UpstreamRequest, 'url' | 'headers' | 'body'> & { readonly method?: 'GET' | 'PUT' }

async function ask(question: Question, world: AwsWorld): Promise<string> {
  const { provider, signal } = world
  try {
    const local = world.direct.with(network)
    const response = await local.send({ method: 'GET', ...question, chosenBy: 'operator', provider, signal })
    const text = Buffer.from(await readAll(response.body, MAX_REPLY_BYTES, provider)).toString()
    if (response.status < 300) return text
    throw refused(world, `the metadata service answered with status ${response.status}`)
  } catch (error) {
    if (isStackError(error, 'provider_unreachable') || isStackError(error, 'provider_timeout')) {
      throw refused(world, `the metadata service does not answer (${error.details.reason})`, error)
    }
    throw error
  }
}

function parseCredentials(text: string, world: AwsWorld): Token<AwsCredentials> {
  const said = asRecord(tryParse(text))
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = said
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') {
    throw refused(world, 'the metadata service sent no credentials')
  }
  const expiresAtMs = Date.parse(String(said['Expiration']))
  return {
    value: { accessKeyId, secretAccessKey, ...(typeof sessionToken === 'string' ? { sessionToken } : {}) },
    expiresAtMs: Number.isNaN(expiresAtMs) ? Number.POSITIVE_INFINITY : expiresAtMs,
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refused({ provider }: AwsWorld, reason: string, cause?: unknown): StackError {
  return new StackError('provider_authentication', { provider, reason }, { cause })
}
