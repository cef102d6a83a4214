/** Access to Oracle's cloud: every request is signed by the operator's identity, or carries a key. */
import { homedir } from 'node:os'
import { StackError } from '@llama-stack/api'
import type { ProviderCall } from '@llama-stack/api'
import { sendWithToken, TokenCache } from '../../kernel/token-cache.ts'
import type { Token } from '../../kernel/token-cache.ts'
import { withHeaders } from './_changed-request.ts'
import { findText } from './_json-shape.ts'
import { toTokenUpstream } from './_network-settings.ts'
import type { OciSigner } from './_oci-signature.ts'
import { signOciRequest } from './_oci-signature.ts'
import type { ProtocolInput, VendorAccess } from './_protocol-context.ts'
import type { ProviderSettings } from './_provider-settings.ts'

const DEFAULT_REGION = 'us-ashburn-1'

/** The region of an instance. The schema has made sure that it can be part of a host name. */
export function toOciRegion(settings: ProviderSettings): string {
  return findText(settings.oci_region) ?? DEFAULT_REGION
}

/**
 * The compartment that pays for a call. A caller may name one where the operator did not, or with a key of their own: the
 * operator's identity may be good for more compartments than callers are meant to spend from.
 */
export function findOciCompartment(settings: ProviderSettings, call: ProviderCall): string | undefined {
  const { providerData } = call
  const own = findText(settings.oci_compartment_id)
  const asked = findText(providerData['oci_compartment_id'])
  const brings = findText(providerData['oci_api_key']) !== undefined
  if (own !== undefined && asked !== undefined && asked !== own && !brings) {
    throw choiceOfTheOperator('oci_compartment_id', 'another compartment pays for calls')
  }
  return asked ?? own
}

/**
 * Refuses a region that is not the one that is asked. The other keys of upstream's header choose among the server's own
 * credentials (`oci_auth_type`, `oci_config_file_path`, `oci_config_profile`); upstream's adapter reads none of them, and
 * neither does this one: no caller can make the server open a file or borrow another identity of its machine.
 */
function checkOciCaller(settings: ProviderSettings, { providerData }: ProviderCall): void {
  const asked = findText(providerData['oci_region'])
  if (asked !== undefined && asked !== toOciRegion(settings)) {
    throw choiceOfTheOperator('oci_region', 'models of another region are served')
  }
}

/** A key may know its compartment; what is signed for an identity has to name one. */
function compartmentMissing(provider: string): StackError {
  const setting = 'oci_compartment_id'
  return new StackError('provider_setting_missing', { provider, setting, env: 'OCI_COMPARTMENT_OCID', header: setting })
}

function choiceOfTheOperator(param: string, problem: string): StackError {
  return new StackError('invalid_value', {
    param,
    problem: `${problem} by this server, and the choice is the operator’s`,
    fix: 'Leave it out of the provider data.',
  })
}

/** The access of one instance. */
export function createOciAccess(input: ProtocolInput): VendorAccess {
  const { id: provider, config: settings, clock } = input
  const signers = new TokenCache<OciSigner>({ provider, clock, load: () => loadSigner(input) })
  return {
    hasIdentity: true,
    send(request, { target, call, upstream }) {
      checkOciCaller(settings, call)
      const compartment = findOciCompartment(settings, call)
      // The first name is upstream's, the second that of Oracle's reference.
      const named = compartment === undefined ? {} : { compartmentid: compartment, 'opc-compartment-id': compartment }
      const complete = withHeaders(request, named)
      if (target.key !== undefined) return upstream.send(complete)
      if (compartment === undefined && input.replaying !== true) throw compartmentMissing(provider)
      return sendWithToken(signers, {
        key: '',
        signal: call.signal,
        async send(signer) {
          const signed = await signOciRequest(complete, signer, { nowMs: clock.now() })
          return upstream.send(withHeaders(complete, signed))
        },
      })
    },
  }
}

async function loadSigner(input: ProtocolInput): Promise<Token<OciSigner>> {
  const { id: provider, config: settings, clock, signal, env = {} } = input
  if (settings.oci_auth_type === 'config_file') {
    const { loadProfileSigner } = await import('./_oci-profile.ts')
    return loadProfileSigner({
      provider,
      file: findText(settings.oci_config_file_path) ?? '~/.oci/config',
      profile: findText(settings.oci_config_profile) ?? 'DEFAULT',
      home: findText(env['HOME']) ?? homedir(),
      nowMs: clock.now(),
    })
  }
  const { buyMachineSigner } = await import('./_oci-machine.ts')
  const upstream = toTokenUpstream(input.upstream, settings.network)
  return buyMachineSigner({ provider, upstream, direct: input.upstream, signal, clock, env })
}
