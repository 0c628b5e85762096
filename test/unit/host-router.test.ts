import { describe, expect, it } from 'vitest'
import { Router } from '../../adapters/isolate/host/router.ts'

const router = new Router([
  { name: 'plain', settings: {} },
  { name: 'shop', settings: { hosts: ['Shop.example.com', '*.shops.org'], paths: ['/shop', '/a/b/c/'] } },
  { name: 'deep', settings: { hosts: [], paths: ['/shop/deep', '/a'] } },
  { name: 'rest', settings: { hosts: ['*'] } },
])

describe('routes', () => {
  it.each([
    ['shop.example.com:80', '/x', 'shop', '/x'],
    ['SHOP.EXAMPLE.COM', '/shop/x', 'shop', '/shop/x'],
    ['a.b.shops.org', '/?q', 'shop', '/?q'],
    ['plain', '/', 'plain', '/'],
    ['plain.any.where', '/x', 'plain', '/x'],
    ['other', '/shop', 'shop', '/'],
    ['other', '/shop?a=/shop/deep', 'shop', '/?a=/shop/deep'],
    ['other', '/shop/', 'shop', '/'],
    ['other', '/shop/deep/x?y', 'deep', '/x?y'],
    ['other', '/shop/deeper', 'shop', '/deeper'],
    ['other', '/shops', 'rest', '/shops'],
    ['other', '/a/b', 'deep', '/b'],
    ['other', '/a/b/c', 'shop', '/'],
    ['other', '/a/b/c/d', 'shop', '/d'],
    ['', '/', 'rest', '/'],
    ['[::1]:80', '/', 'rest', '/'],
  ])('%s %s is for %s, as %s', (host, target, app, seen) => {
    expect(router.find(host, target)).toEqual({ app, target: seen })
  })

  it.each([
    [{ hosts: ['SHOP.example.com'] }, 'host SHOP.example.com'],
    [{ paths: ['/shop/'] }, 'path /shop/'],
    [{ hosts: ['*'] }, 'all other hosts'],
  ])('%j belongs to one app only', (settings, what) => {
    const apps = [
      { name: 'first', settings: { hosts: ['shop.example.com', '*'], paths: ['/shop'] } },
      { name: 'second', settings },
    ]
    expect(() => new Router(apps)).toThrow(`The apps "first" and "second" both ask for ${what}`)
  })

  it('are found nowhere else', () => {
    expect(new Router([{ name: 'plain', settings: {} }]).find('other.host', '/plain')).toBeUndefined()
  })
})
