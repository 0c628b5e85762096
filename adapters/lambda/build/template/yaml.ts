/**
 * Writes plain data as YAML in block style. Strings are quoted unless they are plain names, so that no string
 * is read as another type.
 */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []\n'
    return `\n${value.map((item) => `${indent}- ${inner(item, `${indent}  `)}`).join('')}`
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    if (entries.length === 0) return ' {}\n'
    const lines = entries.map(([key, item]) => `${indent}${scalar(key)}:${toYaml(item, `${indent}  `)}`)
    return `\n${lines.join('')}`
  }
  return ` ${scalar(value)}\n`
}

/** Returns an item of a YAML list, whose first line follows its hyphen. */
function inner(value: unknown, indent: string): string {
  return toYaml(value, indent)
    .replace(/^\n\s*/, '')
    .replace(/^ /, '')
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value)
  const plain =
    /^[A-Za-z][\w.:/-]*$/.test(value) &&
    !value.endsWith(':') &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return plain ? value : JSON.stringify(value)
}
