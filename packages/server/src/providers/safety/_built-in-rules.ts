/** What the rules shield knows by itself: the shapes of personal data and of secrets, and phrases of prompt injection. */
import { hasDigit, isCardNumber, isIban, isSocialSecurityNumber } from './_identifier-checks.ts'

/** A shape that is looked for. */
export interface BuiltInRule {
  readonly source: string
  /** Default: false. */
  readonly ignoreCase?: boolean
  /** Tells whether something of that shape is what it seems. Default: it is. */
  readonly confirm?: (text: string) => boolean
}

/** By name within its group; the category of what is found is `<group>/<name>`. */
export const builtInRules = Object.freeze({
  pii: {
    email: {
      source: String.raw`\b[\w.%+'-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}\b`,
      ignoreCase: true,
    },
    /** E.164: a plus and 7 to 15 digits, however they are grouped. */
    phone: { source: String.raw`\+[1-9](?:[ .()-]{0,2}\d){6,14}\b` },
    credit_card: { source: String.raw`\b\d(?:[ -]?\d){12,24}\b`, confirm: someTail(isCardNumber) },
    iban: { source: String.raw`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b`, confirm: isIban },
    us_ssn: { source: String.raw`\b\d{3}-\d{2}-\d{4}\b`, confirm: isSocialSecurityNumber },
  },
  secrets: {
    /** Of OpenAI, and of the vendors who took over its prefix. */
    openai_key: { source: String.raw`\bsk-[\w-]{20}`, confirm: hasDigit },
    aws_key: { source: String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b` },
    github_token: { source: String.raw`\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})` },
    private_key: { source: String.raw`-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----` },
    jwt: { source: String.raw`\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8}` },
  },
} satisfies Readonly<Record<string, Readonly<Record<string, BuiltInRule>>>>)

/**
 * Phrases that try to talk a model out of its instructions. They catch what is copied from the web, in English, and nothing
 * that is rephrased: a first sieve, not a defence.
 */
export const injectionRules: readonly BuiltInRule[] = Object.freeze(
  [
    String.raw`\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+|my\s+)?(?:previous|prior|above|earlier|preceding)\s+(?:instructions?|prompts?|rules|directions|messages)\b`,
    String.raw`\b(?:ignore|disregard|forget|override)\s+(?:all\s+)?(?:of\s+)?your\s+(?:instructions|rules|guidelines|programming)\b`,
    String.raw`\b(?:reveal|print|repeat|output|show)\s+(?:me\s+)?(?:your|the)\s+(?:hidden\s+|initial\s+|original\s+|full\s+)?system\s+(?:prompt|message|instructions)\b`,
    String.raw`\byou\s+are\s+now\s+(?:in\s+)?(?:dan|developer\s+mode|jailbreak\s+mode|god\s+mode)\b`,
    String.raw`\b(?:enable|enter|activate)\s+(?:developer|jailbreak|dan|god)\s+mode\b`,
    String.raw`\bdo\s+anything\s+now\b`,
  ].map((source) => ({ source, ignoreCase: true })),
)

/** Words before a number are part of its shape where they are numbers too: the end of what was found may be enough. */
function someTail(confirm: (text: string) => boolean): (text: string) => boolean {
  return (text) => {
    const starts = [...text.matchAll(/\b\w/g)].map(({ index }) => index)
    return starts.some((start) => confirm(text.slice(start)))
  }
}
