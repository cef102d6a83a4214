/** Light or dark: as the system has it, until the reader chooses. */

const KEY = 'llama-stack-theme'

/** Applies the reader's last choice, and lets the button change it. */
export function watchTheme(button: HTMLElement): void {
  const root = document.documentElement
  const systemDark = matchMedia('(prefers-color-scheme: dark)')
  const isDark = (): boolean =>
    root.dataset['theme'] === undefined ? systemDark.matches : root.dataset['theme'] === 'dark'
  const stored = readChoice()
  if (stored === 'dark' || stored === 'light') root.dataset['theme'] = stored
  const label = (): void => {
    button.textContent = isDark() ? 'Light theme' : 'Dark theme'
  }
  button.addEventListener('click', () => {
    root.dataset['theme'] = isDark() ? 'light' : 'dark'
    keepChoice(root.dataset['theme'])
    label()
  })
  systemDark.addEventListener('change', label)
  label()
}

/** Browsers that block storage throw when it is touched; the page works without. */
function readChoice(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

function keepChoice(theme: string): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // The choice holds for this visit.
  }
}
