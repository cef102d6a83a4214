/** The hazards of Llama Guard 3 and 4, as Meta publishes them: the taxonomy of MLCommons and one more. */

/** One hazard: its code in prompts and replies, its name, and OpenAI's categories that it falls under. */
export interface Hazard {
  readonly code: string
  readonly name: string
  readonly openAi: readonly string[]
}

/** All hazards, in the order of the prompt. Some have no counterpart at OpenAI. */
export const hazards: readonly Hazard[] = Object.freeze([
  { code: 'S1', name: 'Violent Crimes', openAi: ['violence', 'illicit/violent'] },
  { code: 'S2', name: 'Non-Violent Crimes', openAi: ['illicit'] },
  { code: 'S3', name: 'Sex Crimes', openAi: ['sexual', 'illicit/violent'] },
  { code: 'S4', name: 'Child Exploitation', openAi: ['sexual/minors'] },
  { code: 'S5', name: 'Defamation', openAi: ['harassment'] },
  { code: 'S6', name: 'Specialized Advice', openAi: [] },
  { code: 'S7', name: 'Privacy', openAi: [] },
  { code: 'S8', name: 'Intellectual Property', openAi: [] },
  { code: 'S9', name: 'Indiscriminate Weapons', openAi: ['illicit/violent'] },
  { code: 'S10', name: 'Hate', openAi: ['hate'] },
  { code: 'S11', name: 'Self-Harm', openAi: ['self-harm'] },
  { code: 'S12', name: 'Sexual Content', openAi: ['sexual'] },
  { code: 'S13', name: 'Elections', openAi: [] },
  { code: 'S14', name: 'Code Interpreter Abuse', openAi: ['illicit'] },
])

/** Meta trained these without the last hazard. */
const WITHOUT_CODE_ABUSE = /(?:^|\/)Llama-Guard-3-(?:1B|11B-Vision)$/i

/** What a model knows of, without what an operator has excluded. */
export function hazardsOf(model: string, excluded: ReadonlySet<string>): readonly Hazard[] {
  const known = WITHOUT_CODE_ABUSE.test(model) ? hazards.slice(0, -1) : hazards
  return known.filter(({ code }) => !excluded.has(code))
}
