/**
 * The files that AWS's own tools keep in the home directory. "Configuration and credential file settings", in the user guide
 * of the AWS command line.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProviderEnvironment } from '@llama-stack/api'

/** The settings of one profile, names in lower case. */
export type Profile = Readonly<Record<string, string>>

/** All profiles by name. What the credentials file says goes before what the configuration file says. */
export type Profiles = ReadonlyMap<string, Profile>

/** Reads both files. An absent or unreadable one is empty: that is how a machine without them looks. */
export function readProfiles(env: ProviderEnvironment): Profiles {
  const home = env['HOME'] || env['USERPROFILE']
  const inHome = (name: string): string | undefined => (home ? join(home, '.aws', name) : undefined)
  const config = parseIni(readText(env['AWS_CONFIG_FILE'] || inHome('config')))
  const credentials = parseIni(readText(env['AWS_SHARED_CREDENTIALS_FILE'] || inHome('credentials')))
  const profiles = new Map<string, Profile>()
  for (const [section, settings] of config) {
    const name = section === 'default' ? section : /^profile\s+(.+)$/.exec(section)?.[1]
    if (name !== undefined) profiles.set(unquote(name), settings)
  }
  for (const [name, settings] of credentials) profiles.set(name, { ...profiles.get(name), ...settings })
  return profiles
}

function readText(file: string | undefined): string {
  try {
    return file === undefined ? '' : readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function parseIni(text: string): Map<string, Record<string, string>> {
  const sections = new Map<string, Record<string, string>>()
  let current: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1]
    if (section !== undefined) {
      current = sections.get(section) ?? {}
      sections.set(section, current)
      continue
    }
    // An indented line belongs to a block inside a setting (`s3 =`), which concerns no credential.
    const [, name, value] = /^([^\s#;=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) current[name.toLowerCase()] = value.replace(/\s+[#;].*$/, '')
  }
  return sections
}

function unquote(name: string): string {
  return name.replace(/^(["'])(.*)\1$/, '$2')
}
