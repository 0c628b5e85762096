import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * IPv4 ranges that are not public unicast addresses (IANA's special-purpose registry, RFC 6890 and its
 * updates). Azure's platform address is among them: it looks public, but the machine's own platform answers
 * on it.
 */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/**
 * Ranges of IPv6 global unicast (2000::/3) that belong to no machine: protocol assignments with Teredo,
 * documentation, 6to4.
 */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const special = listOf([...SPECIAL_IPV4, ...SPECIAL_IPV6])
const globalUnicast = listOf(['2000::/3'])
/**
 * IPv6 ranges that stand for the IPv4 address in their last 32 bits: mapped addresses, and translated ones
 * (NAT64).
 */
const embedding = listOf(['::ffff:0:0/96', '64:ff9b::/96'])

/** True if an IP address is on the public internet; false for text that is no address. */
export function isPublic(address: string): boolean {
  const plain = plainAddress(address)
  if (isIPv4(plain)) return !special.check(plain, 'ipv4')
  return isIPv6(plain) && globalUnicast.check(plain, 'ipv6') && !special.check(plain, 'ipv6')
}

/**
 * Returns an IP address without its zone. An IPv6 address that stands for an IPv4 address is returned as the
 * latter.
 */
export function plainAddress(address: string): string {
  const [text = ''] = address.split('%')
  return isIPv6(text) && embedding.check(text, 'ipv6') ? lastIPv4(text) : text
}

/** Returns a list of IP ranges, each `address` or `address/bits`. @throws for a text that is neither. */
export function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** True if an IP address, or the IPv4 address that it stands for, is in a list. */
export function contains(list: BlockList, address: string): boolean {
  const plain = plainAddress(address)
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}

function lastIPv4(address: string): string {
  const dotted = address.slice(address.lastIndexOf(':') + 1)
  if (isIPv4(dotted)) return dotted
  // The URL parser writes an IPv6 address in its one normal form: groups in hexadecimal, the longest run of
  // zeros as `::`.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':')
  const [high, low] = groups.slice(-2).map((group) => (group === '' ? 0 : Number.parseInt(group, 16))) as [
    number,
    number,
  ]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
