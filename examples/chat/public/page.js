import { Connection, Refusal } from '/connection.js'
import { Messages } from '/messages.js'
import { People } from '/people.js'

const byId = (id) => document.getElementById(id)
const [login, room, text, problem] = ['login', 'room', 'text', 'problem'].map(byId)
/** The room that the person is in: its connection, messages and people; undefined before the login. */
let current

/** Returns 32 hexadecimal digits. `crypto.randomUUID` is missing on pages without https. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function ticketUrl(member, signal) {
  const response = await fetch('/api/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(member),
    signal,
  })
  if (response.status === 400) throw new Refusal((await response.json()).error)
  if (!response.ok) throw new Error(`the login was answered ${response.status}`)
  return (await response.json()).url
}

function enter(member) {
  current?.connection.close()
  problem.textContent = ''
  const messages = new Messages(byId('messages'), member.name)
  const people = new People()
  const connection = new Connection({
    login: (signal) => ticketUrl(member, signal),
    received: (message) => receive(message),
    changed: (state, words) => {
      byId('state').dataset.state = state
      byId('state').textContent = words
    },
    asks: () => {
      people.asked()
      // What was on its way when a connection ended is sent again; the server knows it by its id.
      sendPending()
    },
    refused: (reason) => {
      leave()
      problem.textContent = reason
    },
  })
  current = { member, messages, people, connection }
  sessionStorage.setItem('member', JSON.stringify(member))
  history.replaceState(null, '', `#${member.room}`)
  byId('title').textContent = `# ${member.room}`
  byId('people').replaceChildren()
  login.hidden = true
  room.hidden = false
  text.focus()
}

function leave() {
  current?.connection.close()
  current = undefined
  sessionStorage.removeItem('member')
  login.hidden = false
  room.hidden = true
  problem.textContent = ''
  login.elements.name.focus()
  void showRooms()
}

function sendPending() {
  for (const { id, text } of current?.messages.pending ?? [])
    current.connection.send({ type: 'say', id, text })
}

function receive(message) {
  const { messages, people } = current
  switch (message.type) {
    case 'said':
      return messages.add([message.message])
    case 'history':
      if (!messages.catchUp(message.messages)) byId('earlier').hidden = !message.hasMore
      return
    case 'earlier':
      byId('earlier').hidden = !message.hasMore
      return messages.add(message.messages)
    case 'people':
      people.listed(message.people)
      return showPeople(message.hasMore)
    case 'joined':
      people.joined(message.person)
      return showPeople()
    case 'left':
      people.left(message.person)
      return showPeople()
    case 'refused':
      return refuse(message)
  }
}

/** Shows why a message was refused, and gives its text back. */
function refuse({ reason, id }) {
  problem.textContent = reason
  const refused = current.messages.pending.find((message) => message.id === id)
  if (refused === undefined) return
  current.messages.remove(refused)
  if (text.value === '') text.value = refused.text
  countLeft()
}

function showPeople(hasMore = false) {
  const items = current.people.names().map(([name, count]) => {
    const item = document.createElement('li')
    item.textContent = count === 1 ? name : `${name} (${count} times)`
    return item
  })
  if (hasMore) items.push(Object.assign(document.createElement('li'), { textContent: 'and more' }))
  byId('people').replaceChildren(...items)
}

async function showRooms() {
  const response = await fetch('/api/rooms').catch(() => undefined)
  // The list is a help: a room can be typed without it.
  if (!response?.ok) return
  const { rooms } = await response.json()
  byId('rooms').replaceChildren(
    ...rooms.map((name) => Object.assign(document.createElement('option'), { value: name })),
  )
}

function countLeft() {
  const left = text.maxLength - text.value.length
  byId('left').textContent = left > 200 ? '' : `${left} characters left`
}

login.addEventListener('submit', (event) => {
  event.preventDefault()
  const { name, room } = login.elements
  enter({ name: name.value.trim(), room: room.value.trim().toLowerCase() })
})

byId('leave').addEventListener('click', leave)

byId('earlier').addEventListener('click', () => {
  const before = current.messages.first
  if (before !== undefined)
    current.connection.send({ type: 'earlier', before: { id: before.id, sentAt: before.sentAt } })
})

byId('say').addEventListener('submit', (event) => {
  event.preventDefault()
  problem.textContent = ''
  if (text.value.trim() === '') return
  const message = { id: newId(), name: current.member.name, text: text.value }
  current.messages.addPending(message)
  current.connection.send({ type: 'say', id: message.id, text: message.text })
  text.value = ''
  countLeft()
  text.focus()
})

text.addEventListener('input', countLeft)
text.addEventListener('keydown', (event) => {
  // The Enter that ends the input of a Chinese or Japanese word sends nothing.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  byId('say').requestSubmit()
})

const before = JSON.parse(sessionStorage.getItem('member') ?? 'null')
login.elements.room.value = before?.room || location.hash.slice(1) || 'lobby'
if (before === null) void showRooms()
else {
  login.elements.name.value = before.name
  enter(before)
}
