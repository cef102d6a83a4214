/** Safety: moderations, running shields, and the shields there are. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { Moderation, ModerationRequest } from './moderation.ts'
import { RegisterShieldRequest, RunShieldRequest, RunShieldResponse, Shield, ShieldId, ShieldList } from './shield.ts'

/** What judging may fail with, besides what a model fails with that judges. */
const judging = [
  'shield_not_found',
  'guardrails_unavailable',
  'invalid_value',
  'missing_field',
  'provider_bad_reply',
] as const

export const safety = defineApi({
  createModeration: {
    method: 'POST',
    path: '/v1/moderations',
    aliases: ['/v1/openai/v1/moderations'],
    access: 'write',
    summary: 'Tell whether texts are potentially harmful.',
    description:
      'Every result has OpenAI’s 13 categories; those that a shield has itself stand beside them. Shields judge text: an image is refused by name.',
    get body() {
      return ModerationRequest
    },
    get response() {
      return Moderation
    },
    errors: judging,
    tag: 'Safety',
  },
  runShield: {
    method: 'POST',
    path: '/v1/safety/run-shield',
    access: 'write',
    summary: 'Run a shield over messages.',
    get body() {
      return RunShieldRequest
    },
    get response() {
      return RunShieldResponse
    },
    errors: judging,
    tag: 'Safety',
  },
  listShields: {
    method: 'GET',
    path: '/v1/shields',
    access: 'read',
    summary: 'List the shields: those of the configuration and your own.',
    get response() {
      return ShieldList
    },
    tag: 'Shields',
  },
  retrieveShield: {
    method: 'GET',
    path: '/v1/shields/{identifier*}',
    access: 'read',
    summary: 'Fetch one shield.',
    get params() {
      return ShieldId
    },
    get response() {
      return Shield
    },
    errors: ['shield_not_found'],
    tag: 'Shields',
  },
  registerShield: {
    method: 'POST',
    path: '/v1/shields',
    access: 'write',
    summary: 'Register a shield with a provider of safety.',
    description: 'Registering the same shield again with the same values changes nothing.',
    get body() {
      return RegisterShieldRequest
    },
    get response() {
      return Shield
    },
    errors: ['shield_exists', 'provider_not_found', 'guardrails_unavailable', 'invalid_value', 'missing_field'],
    tag: 'Shields',
  },
  unregisterShield: {
    method: 'DELETE',
    path: '/v1/shields/{identifier*}',
    access: 'write',
    summary: 'Unregister a shield that was registered.',
    status: 204,
    get params() {
      return ShieldId
    },
    errors: ['shield_not_found'],
    tag: 'Shields',
  },
})

/** Everything that can be done with shields. */
export type Safety = Service<typeof safety>
