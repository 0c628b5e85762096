/** Writes what the pages load: the style sheet, the scripts, and MiniSearch. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { Highlighter } from './highlight.ts'

/** Returns the assets' texts by file name. */
export function writeAssets(root: string, highlighter: Highlighter): Map<string, string> {
  const client = (name: string): string => readFileSync(join(root, '.docs/client', name), 'utf8')
  const minisearch = readFileSync(fileURLToPath(import.meta.resolve('minisearch')), 'utf8')
  return new Map([
    ['style.css', client('style.css') + highlighter.css()],
    ['theme.js', toJavaScript(client('theme.ts'))],
    ['search.js', toJavaScript(client('search.ts'))],
    ['search-options.js', toJavaScript(client('search-options.ts'))],
    ['minisearch.js', toJavaScript(minisearch)],
  ])
}

/** Strips types and comments. Modules import the others by their file beside them. */
function toJavaScript(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleDetection: ts.ModuleDetectionKind.Auto,
      verbatimModuleSyntax: true,
      removeComments: true,
    },
  })
  return outputText
    .replaceAll(/from '(\.\/[\w-]+)\.ts'/g, "from '$1.js'")
    .replaceAll("from 'minisearch'", "from './minisearch.js'")
}
