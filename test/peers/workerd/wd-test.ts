/** Reads what a test of workerd needs of its Worker from the `.wd-test` beside it. */

/** A Worker of a `.wd-test`, as a wrangler file says it. */
export interface WdTest {
  flags: readonly string[]
  /** Names of service bindings that lead to the Worker itself. */
  selves: readonly string[]
}

/** @returns undefined where the configuration has more than one Worker of the subject. */
export function readWdTest(text: string): WdTest | undefined {
  const plain = text.replace(/#.*$/gm, '')
  if (/external|network|durableObject|kvNamespace|r2Bucket|wasmModule|fromEnvironment/.test(plain))
    return undefined
  if (plain.match(/esModule\s*=/g)?.length !== 1) return undefined
  const flags = /compatibilityFlags\s*=\s*\[([^\]]*)\]/.exec(plain)?.[1] ?? ''
  const bindings = plain.matchAll(/name\s*=\s*"(\w+)"\s*,\s*service\s*=/g)
  return {
    flags: [...flags.matchAll(/"([^"]+)"/g)].map(([, flag]) => flag as string),
    selves: [...bindings].map(([, name]) => name as string),
  }
}
