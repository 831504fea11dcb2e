// The keys of the page, and the dialog that lists them. Keys of the map and of the list are handled there.
import { button, element } from './dom.ts'

interface KeyActs {
  /** Undoes the innermost thing; returns whether there was one. */
  readonly stepBack: (target: EventTarget | null) => boolean
  readonly search: () => void
  /** The paper that a letter acts on, or -1. */
  readonly paper: (target: EventTarget | null) => number
  /** What letters do with that paper. */
  readonly letters: Readonly<Record<string, (row: number) => void>>
}

export function listenToKeys({ stepBack, search, paper, letters }: KeyActs): void {
  document.addEventListener('keydown', (event) => {
    const { key, target } = event
    if (key === 'Escape') {
      if (stepBack(target)) event.preventDefault()
      return
    }
    const isTyping =
      (target instanceof HTMLInputElement && target.type !== 'checkbox') || target instanceof HTMLSelectElement
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    if (key === '/') {
      event.preventDefault()
      search()
      return
    }
    const row = paper(target)
    const act = Object.hasOwn(letters, key) ? letters[key] : undefined
    if (row < 0 || act === undefined) return
    event.preventDefault()
    act(row)
  })
}

const keys: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'to the search'],
  ['↑ ↓', 'in the list: from paper to paper; ← → within its line'],
  ['Enter', 'opens a paper'],
  ['s, r, h', 'star, mark as read, hide the current paper'],
  ['x', 'selects it'],
  ['m', 'more like it'],
  ['c', 'copies it as BibTeX'],
  ['arrows', 'on the map: from paper to paper; with Shift they move the map'],
  ['+ − 0', 'on the map: zoom in, zoom out, show all'],
  ['Shift and drag', 'on the map: selects the papers that you draw around'],
  ['Escape', 'closes and steps back'],
]

export function keysDialog(): HTMLDialogElement {
  const dialog = element(
    'dialog',
    { class: 'keys', 'aria-labelledby': 'keys-title' },
    element('h2', { id: 'keys-title' }, 'Keys'),
    element(
      'dl',
      {},
      ...keys.flatMap(([pressed, does]) => [element('dt', {}, element('kbd', {}, pressed)), element('dd', {}, does)]),
    ),
    button({ class: 'act' }, () => dialog.close(), 'Close'),
  )
  return dialog
}
