// The areas of the map of science as a choice: disciplines, their fields and areas, each with how many papers of those that
// all else lets through lie in it.
import type { PageCore } from '../page-data.ts'
import { element } from './dom.ts'

const indent = '\u2003'

export class AreaFacet {
  readonly element = element('select', { 'aria-label': 'Area' })
  readonly #core: PageCore
  readonly #options: readonly HTMLOptionElement[]
  readonly #counts: Int32Array

  constructor(core: PageCore, onChange: () => void) {
    this.#core = core
    this.#options = core.areas.map((_, position) => element('option', { value: position }))
    this.#counts = new Int32Array(core.areas.length)
    this.element.append(element('option', { value: '' }, 'All areas'), ...this.#options)
    this.element.addEventListener('change', onChange)
    for (let row = 0; row < core.areaOf.length; row++) this.count(row)
    this.end()
  }

  /** Whether a paper lies in what is chosen. */
  has(row: number): boolean {
    const { value } = this.element
    if (value === '') return true
    const chosen = Number(value)
    let at = this.#core.areaOf[row]
    while (at > chosen) at = this.#core.areas[at].parent
    return at === chosen
  }

  begin(): void {
    this.#counts.fill(0)
  }

  count(row: number): void {
    for (let at = this.#core.areaOf[row]; at >= 0; at = this.#core.areas[at].parent) this.#counts[at]++
  }

  /** Shows what was counted; what has no paper is not there, unless it is chosen. */
  end(): void {
    for (const [position, option] of this.#options.entries()) {
      const { name, depth } = this.#core.areas[position]
      const count = this.#counts[position]
      option.textContent = `${indent.repeat(depth)}${name} (${count.toLocaleString('en')})`
      option.hidden = count === 0 && this.element.value !== String(position)
    }
  }
}
