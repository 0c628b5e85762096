/** Returns true if a certificate's name covers a host name; a wildcard stands for one label. */
export function covers(name: string, host: string): boolean {
  if (name === host) return true
  const dot = host.indexOf('.')
  return name.startsWith('*.') && dot > 0 && name.slice(2) === host.slice(dot + 1)
}
