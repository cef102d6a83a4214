/** The text of a prompt, in which `{{ name }}` stands for a variable. */

const VARIABLE = /\{\{\s*(\w+)\s*\}\}/g

/** The names in the text, each once, in the order of their first place. */
export function findVariables(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(VARIABLE), ([, name = '']) => name))]
}

/** Whether it may name a variable. */
export function isVariableName(name: string): boolean {
  return /^\w+$/.test(name)
}

/** The text with its variables replaced. What a value has in double braces stays as it is. */
export function fillVariables(text: string, valueOf: (name: string) => string): string {
  return text.replace(VARIABLE, (_, name: string) => valueOf(name))
}
