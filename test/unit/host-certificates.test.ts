import { describe, expect, it } from 'vitest'
import { type Certificate, certificateWarning } from '../../adapters/isolate/host/tls/certificate.ts'
import { covers } from '../../adapters/isolate/host/tls/host-names.ts'

const DAY = 86_400_000

it('a name of a certificate is for itself, a wildcard for one label more', () => {
  expect(covers('a.example', 'a.example')).toBe(true)
  expect(covers('*.a.example', 'b.a.example')).toBe(true)
  // A wildcard of an app needs the same one.
  expect(covers('*.a.example', '*.a.example')).toBe(true)
  for (const host of ['a.example', 'c.b.a.example', '.a.example', 'ba.example'])
    expect(covers('*.a.example', host)).toBe(false)
})

describe('a certificate is warned of', () => {
  const from = Date.UTC(2026, 0, 1)
  const of = (days: number, names = ['a.example']): Certificate => ({
    path: '/a.pem',
    cert: '',
    key: '',
    names,
    notBefore: from,
    notAfter: from + days * DAY,
  })
  it.each([
    [90, 75, undefined],
    [90, 77, 'expires on 2026-04-01T00:00:00.000Z, in 13 days'],
    [90, 91, 'expired on 2026-04-01T00:00:00.000Z'],
    [90, -1, 'is not valid before 2026-01-01T00:00:00.000Z'],
    // One that lives for days is renewed in its last part only.
    [6, 4, undefined],
    [6, 5, 'expires on 2026-01-07T00:00:00.000Z, in 1 days'],
  ])('with %i days of life, after %i', (days, after, text) => {
    const warning = certificateWarning(of(days), from + after * DAY)
    if (text === undefined) expect(warning).toBeUndefined()
    else expect(warning).toContain(text)
  })

  it('where it names no host', () => {
    expect(certificateWarning(of(90, []), from)).toContain('names no host in its subjectAltName')
  })
})
