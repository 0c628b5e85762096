/** Colours code at build time. Colours are classes, since the site's policy takes no `style` attribute. */
import {
  bundledLanguages,
  bundledThemes,
  codeToTokensWithThemes,
  createOnigurumaEngine,
  createShikiInternal,
  loadBuiltinWasm,
} from '@gerrit0/mini-shiki'

/** Languages by the word after a fence's three backticks. Fences of others stay plain text. */
const LANGUAGES = {
  ts: 'typescript',
  tsx: 'tsx',
  js: 'javascript',
  json: 'json',
  jsonc: 'jsonc',
  sh: 'shellscript',
  sql: 'sql',
  yaml: 'yaml',
} as const
// Themes whose colours keep a contrast of 4.5 to 1 on the site's background of code.
const THEMES = { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' } as const

export interface Highlighter {
  /** Returns the HTML inside of a `code` element. */
  highlight(code: string, language: string): string
  /** Returns the rules for every class that `highlight` has used. */
  css(): string
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

const isKnown = (language: string): language is keyof typeof LANGUAGES => Object.hasOwn(LANGUAGES, language)

export async function createHighlighter(): Promise<Highlighter> {
  await loadBuiltinWasm()
  const shiki = await createShikiInternal({
    engine: await createOnigurumaEngine(),
    langs: Object.values(LANGUAGES).map((language) => bundledLanguages[language]),
    themes: Object.values(THEMES).map((theme) => bundledThemes[theme]),
  })
  /** Class by its two colours. */
  const classes = new Map<string, string>()
  const classOf = (light: string, dark: string): string => {
    const known = classes.get(`${light} ${dark}`) ?? `t${classes.size}`
    classes.set(`${light} ${dark}`, known)
    return known
  }
  return {
    highlight(code, language) {
      if (!isKnown(language)) return escapeHtml(code)
      const lines = codeToTokensWithThemes(shiki, code, { lang: LANGUAGES[language], themes: THEMES })
      return lines
        .map((tokens) =>
          tokens
            .map(({ content, variants }) => {
              const { light, dark } = { light: variants['light']?.color, dark: variants['dark']?.color }
              if (content.trim() === '' || light === undefined || dark === undefined)
                return escapeHtml(content)
              return `<span class="${classOf(light, dark)}">${escapeHtml(content)}</span>`
            })
            .join(''),
        )
        .join('\n')
    },
    css: () =>
      [...classes]
        .map(([colours, name]) => {
          const [light, dark] = colours.split(' ')
          return `.${name} { color: light-dark(${light}, ${dark}); }\n`
        })
        .join(''),
  }
}
