import { type BlockList, isIP, isIPv6 } from 'node:net'
import { invalidArgument } from '../../../../core/errors.ts'
import type { OutboundRules } from '../../options.ts'
import { contains, isPublic, listOf } from './addresses.ts'

export type { OutboundRules } from '../../options.ts'

interface Rule {
  /** Host name of the outbound rule; `*` stands for all names. */
  host?: string
  range?: BlockList
  port?: number
}

const PORT = /^(?<where>.*?|\[.*\]):(?<port>\d{1,5})$/

/**
 * Error of a `fetch` to an address that the outbound rules refuse. The log and the tenant's own code see its
 * text.
 */
export class Refused extends TypeError {
  constructor(where: string, why: string) {
    super(`PermissionDenied: fetch() may not reach ${where}: ${why}.`)
  }
}

/**
 * Checks outbound requests by the host's or app's rules: the host name before it is looked up, and then each
 * address.
 */
export class OutboundPolicy {
  #allow: readonly Rule[]
  #deny: readonly Rule[]
  #closed: boolean

  /** @throws `InvalidArgument` for an invalid outbound rule. */
  constructor(rules: OutboundRules = {}) {
    this.#allow = (rules.allow ?? []).map((text) => parseRule(text))
    const deny = (rules.deny ?? []).map((text) => parseRule(text))
    this.#closed = deny.some(({ host, port }) => host === '*' && port === undefined)
    this.#deny = deny.filter(({ host, port }) => host !== '*' || port !== undefined)
  }

  /**
   * Refuses a host name that the outbound rules forbid whatever its addresses are. `hostname` is as in a URL,
   * without brackets.
   *
   * @throws Refused.
   */
  checkName(hostname: string, port: number): void {
    if (matches(this.#deny, hostname, port)) throw new Refused(hostname, 'the host’s rules deny it')
    if (
      this.#closed &&
      !matches(this.#allow, hostname, port) &&
      isIP(hostname) === 0 &&
      !this.#allow.some(({ range }) => range !== undefined)
    )
      throw new Refused(hostname, 'the host’s rules do not allow it')
  }

  /**
   * Checks by the outbound rules that a connection for `hostname` may go to `address`, which is one of its
   * addresses.
   *
   * @throws Refused.
   */
  check(hostname: string, address: string, port: number): void {
    if (matches(this.#deny, hostname, port, address)) throw new Refused(hostname, 'the host’s rules deny it')
    if (matches(this.#allow, hostname, port, address)) return
    if (this.#closed) throw new Refused(hostname, 'the host’s rules do not allow it')
    // The error for a host with a non-public address leaves the address out: a tenant must not learn
    // addresses of the operator's network.
    if (!isPublic(address))
      throw new Refused(
        hostname,
        'its address is private, local or otherwise not a public one. The operator can allow it ' +
          '(outbound.allow)',
      )
  }
}

function matches(rules: readonly Rule[], hostname: string, port: number, address?: string): boolean {
  return rules.some((rule) => {
    if (rule.port !== undefined && rule.port !== port) return false
    if (rule.range !== undefined) return address !== undefined && contains(rule.range, address)
    const { host = '' } = rule
    if (host === '*' || host === hostname) return true
    return host.startsWith('*.') && hostname.endsWith(host.slice(1))
  })
}

function parseRule(text: unknown): Rule {
  const bad = (): never => {
    throw invalidArgument(
      { operation: 'config' },
      `outbound: ${JSON.stringify(text)} is no rule. Give a host name, *.example.com, an address or a ` +
        'range such as 10.0.0.0/8, with or without :port.',
    )
  }
  if (typeof text !== 'string' || text === '') return bad()
  const found = isIPv6(text) ? undefined : PORT.exec(text)?.groups
  const where = (found?.['where'] ?? text).replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const port = found === undefined ? undefined : Number(found['port'])
  if (port !== undefined && (port < 1 || port > 65_535)) return bad()
  const [address = '', bits, ...rest] = where.split('/')
  const withPort = port === undefined ? {} : { port }
  if (isIP(address) !== 0) {
    const most = isIPv6(address) ? 128 : 32
    if (rest.length > 0 || (bits !== undefined && !(/^\d+$/.test(bits) && Number(bits) <= most))) return bad()
    return { range: listOf([where]), ...withPort }
  }
  if (where === '*') return { host: where, ...withPort }
  // A rule's host name is normalized as in URLs: punycode, lower case.
  const name = URL.parse(`http://${where.replace(/^\*\./, '')}/`)?.hostname
  if (name === undefined || name === '' || isIP(name) !== 0 || where.includes('/') || where.includes('@'))
    return bad()
  return { host: where.startsWith('*.') ? `*.${name}` : name, ...withPort }
}

/** Joins the outbound rules of two sources. */
export function joinRules(first: OutboundRules, second: OutboundRules = {}): OutboundRules {
  return {
    allow: [...(first.allow ?? []), ...(second.allow ?? [])],
    deny: [...(first.deny ?? []), ...(second.deny ?? [])],
  }
}

/** Checks the outbound rules of a config file. @throws `InvalidArgument` naming the rule. */
export function checkOutbound(given: unknown, where: string): OutboundRules | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalidArgument({ operation: 'config' }, `${where} takes { "allow": [...], "deny": [...] }.`)
  for (const [name, list] of Object.entries(given)) {
    if (name !== 'allow' && name !== 'deny')
      throw invalidArgument(
        { operation: 'config' },
        `${where}.${name}: there is no such field. Fields: allow, deny.`,
      )
    if (list !== undefined && !Array.isArray(list))
      throw invalidArgument({ operation: 'config' }, `${where}.${name} takes a list of rules.`)
  }
  void new OutboundPolicy(given)
  return given
}
