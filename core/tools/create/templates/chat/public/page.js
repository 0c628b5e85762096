const [state, join, messages, say] = ['state', 'join', 'messages', 'say'].map((id) =>
  document.getElementById(id),
)
let socket

function show({ id, name, text }) {
  if (document.getElementById(id) !== null) return
  const item = document.createElement('li')
  item.id = id
  // Text, never HTML: it is what somebody typed.
  item.textContent = `${name}: ${text}`
  messages.append(item)
}

async function connect(member, pause = 1000) {
  // A connection that is lost, in a deploy for example, comes back by itself: each time with a new ticket.
  const again = () => {
    state.textContent = 'Not connected. Trying again.'
    setTimeout(() => connect(member, Math.min(pause * 2, 30_000)), pause * (0.5 + Math.random() / 2))
  }
  let response
  try {
    response = await fetch('/join', { method: 'POST', body: JSON.stringify(member) })
  } catch {
    return again()
  }
  if (response.status === 400) {
    state.textContent = (await response.json()).error
    return
  }
  if (!response.ok) return again()
  socket = new WebSocket((await response.json()).url)
  socket.addEventListener('open', () => {
    pause = 1000
    state.textContent = `In ${member.room}`
    say.hidden = false
  })
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data)
    if (message.type === 'history') message.messages.forEach(show)
    if (message.type === 'said') show(message.message)
    if (message.type === 'refused') state.textContent = message.reason
  })
  socket.addEventListener('close', again)
}

join.addEventListener('submit', (event) => {
  event.preventDefault()
  join.hidden = true
  void connect(Object.fromEntries(new FormData(join)))
})

say.addEventListener('submit', (event) => {
  event.preventDefault()
  if (socket?.readyState !== WebSocket.OPEN) return
  socket.send(new FormData(say).get('text'))
  say.reset()
})
