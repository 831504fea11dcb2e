// Categories and areas of the map of science as choices, each with how many papers it has of those that all else lets
// through.
import type { PageCore } from '../page-data.ts'
import { element } from './dom.ts'

const indent = '\u2003'
/** Up to so many categories even those of one paper stand in the list. */
const allShown = 12

/** Something that papers have one or more of. */
export interface Facet {
  readonly element: HTMLSelectElement
  /** How many choices there are. */
  readonly size: number
  /** What is chosen, as it stands in the address; empty for all. A name that nothing has chooses all. */
  value: string
  /** Whether a paper has what is chosen. */
  has(row: number): boolean
  begin(): void
  count(row: number): void
  /** Shows what was counted; what has no paper is not there, unless it is chosen. */
  end(): void
}

interface Choice {
  readonly name: string
  readonly label: string
}

function facet(
  label: string,
  all: string,
  choices: readonly Choice[],
  { of, onChange }: { readonly of: (row: number) => Iterable<number>; readonly onChange: (name: string) => void },
): Facet {
  const options = choices.map(({ name }) => element('option', { value: name }))
  const select = element('select', { 'aria-label': label }, element('option', { value: '' }, all), ...options)
  const counts = new Int32Array(choices.length)
  let chosen = -1
  select.addEventListener('change', () => onChange(select.value))
  return {
    element: select,
    size: choices.length,
    get value() {
      return choices[chosen]?.name ?? ''
    },
    set value(name: string) {
      chosen = choices.findIndex((choice) => choice.name === name)
      select.value = choices[chosen]?.name ?? ''
    },
    has(row) {
      if (chosen < 0) return true
      for (const position of of(row)) if (position === chosen) return true
      return false
    },
    begin: () => counts.fill(0),
    count(row) {
      for (const position of of(row)) counts[position]!++
    },
    end() {
      for (const [position, option] of options.entries()) {
        option.textContent = `${choices[position]!.label} (${counts[position]!.toLocaleString('en')})`
        option.hidden = counts[position] === 0 && position !== chosen
      }
    },
  }
}

/** Disciplines, their fields and areas. */
export function areaFacet(core: PageCore, onChange: (name: string) => void): Facet {
  const seen = new Set<string>()
  const choices = core.areas.map(({ name, depth }) => {
    // An area may be called as its field.
    const own = seen.has(name) ? `${name} (${['discipline', 'field', 'area'][depth]})` : name
    seen.add(own)
    return { name: own, label: `${indent.repeat(depth)}${name}` }
  })
  return facet('Area', 'All areas', choices, {
    *of(row) {
      for (let at = core.areaOf[row]!; at >= 0; at = core.areas[at]!.parent) yield at
    },
    onChange,
  })
}

/** Categories, the most frequent first; what only one paper has is one choice. */
export function categoryFacet(core: PageCore, onChange: (name: string) => void): Facet {
  const papers = new Int32Array(core.categories.length)
  for (const own of core.categoriesOf) for (const category of new Set(own)) papers[category]!++
  const order = core.categories.map((_, position) => position)
  const isRare = (position: number) => core.categories.length > allShown && papers[position]! < 2
  const shown = order.filter((position) => !isRare(position)).sort((a, b) => papers[b]! - papers[a]! || a - b)
  const rare = order.filter(isRare)
  const choices = shown.map((position) => ({ name: core.categories[position]!, label: core.categories[position]! }))
  const others = choices.length
  if (rare.length > 0)
    choices.push({ name: 'others', label: `Others: ${rare.length.toLocaleString('en')} of one paper each` })
  const choiceOf = new Int32Array(core.categories.length).fill(others)
  for (const [choice, position] of shown.entries()) choiceOf[position] = choice
  return facet('Category', 'All categories', choices, {
    of: (row) => new Set(core.categoriesOf[row]!.map((position) => choiceOf[position]!)),
    onChange,
  })
}
