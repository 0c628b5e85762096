/** Puts the theme that the reader chose in place before the page is painted, and offers the other one. */
const root = document.documentElement
const KEY = 'theme'
type Theme = 'light' | 'dark'

/** Returns what was chosen on an earlier page; undefined also where the browser keeps nothing. */
function chosen(): Theme | undefined {
  try {
    const theme = localStorage.getItem(KEY)
    return theme === 'light' || theme === 'dark' ? theme : undefined
  } catch {
    return undefined
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // The choice then holds for this page alone.
  }
}

const apply = (theme: Theme): void => void (root.dataset['theme'] = theme)
const system = (): Theme => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')

const first = chosen()
if (first !== undefined) apply(first)

addEventListener('DOMContentLoaded', () => {
  const button = document.querySelector<HTMLButtonElement>('button.theme')
  if (button === null) return
  const now = (): Theme => (root.dataset['theme'] as Theme | undefined) ?? system()
  const label = (): void => void (button.textContent = now() === 'dark' ? 'Light' : 'Dark')
  button.addEventListener('click', () => {
    const next = now() === 'dark' ? 'light' : 'dark'
    apply(next)
    keep(next)
    label()
  })
  label()
  button.hidden = false
})
