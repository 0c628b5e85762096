import { drawChart } from '/chart.js'

const byId = (id) => document.getElementById(id)
const token = byId('token')
token.value = sessionStorage.getItem('token') ?? ''
token.addEventListener('change', () => {
  sessionStorage.setItem('token', token.value)
  void showLinks()
})

async function api(path, init = {}) {
  const response = await fetch(`/api${path}`, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${token.value}` },
  })
  const body = response.status === 204 ? {} : await response.json()
  if (!response.ok) throw new Error(body.error)
  return body
}

/** Runs an action of the user and shows its outcome. */
async function act(work) {
  try {
    byId('message').textContent = (await work()) ?? ''
  } catch (error) {
    byId('message').textContent = error.message
  }
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties)
  node.append(...children)
  return node
}

async function showLinks() {
  if (token.value === '') return
  await act(async () => {
    const { links } = await api('/links')
    byId('links').replaceChildren(...links.map(linkRow))
  })
}

function linkRow({ slug, url }) {
  const icon = element('img', { src: `/icons/${slug}`, alt: '', onerror: () => icon.remove() })
  const upload = element('input', {
    type: 'file',
    accept: 'image/*',
    hidden: true,
    onchange: () => act(() => uploadIcon(slug, upload.files[0])),
  })
  return element(
    'tr',
    {},
    element('td', {}, icon),
    element('td', {}, element('a', { href: `/${slug}`, textContent: `/${slug}` })),
    element('td', { textContent: url, title: url }),
    element(
      'td',
      {},
      element('button', { textContent: 'Statistics', onclick: () => act(() => showStatistics(slug)) }),
      ' ',
      element('label', { className: 'button' }, 'Icon', upload),
      ' ',
      element('button', { textContent: 'Delete', onclick: () => act(() => deleteLink(slug)) }),
    ),
  )
}

async function uploadIcon(slug, file) {
  await api(`/links/${slug}/icon`, { method: 'PUT', body: file, headers: { 'content-type': file.type } })
  await showLinks()
  return 'Icon saved.'
}

async function deleteLink(slug) {
  await api(`/links/${slug}`, { method: 'DELETE' })
  await showLinks()
  return `/${slug} is deleted.`
}

async function showStatistics(slug) {
  const { total, days, referrers } = await api(`/stats/${slug}?days=30`)
  const section = byId('statistics')
  section.hidden = false
  section.querySelector('h2').textContent = `/${slug}: ${total} clicks in 30 days`
  section.querySelector('figcaption').textContent = 'Clicks per day (UTC)'
  drawChart(byId('chart'), days, 30)
  byId('referrers').replaceChildren(
    ...referrers.map(({ referrer, clicks }) =>
      element('li', { textContent: `${referrer || 'direct'}: ${clicks}` }),
    ),
  )
}

byId('create').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  void act(async () => {
    const slug = form.get('slug')
    const link = await api('/links', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: form.get('url'), ...(slug ? { slug } : {}) }),
    })
    event.target.reset()
    await showLinks()
    return `${location.origin}/${link.slug} is ready.`
  })
})

void showLinks()
