type Child = Node | string | null | undefined | false
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Makes an element. Children that are strings become text, whatever they hold; `true` and `false` set and leave out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  setAttributes(made, attributes)
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return made
}

/** Makes an element of a drawing. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  setAttributes(made, attributes)
  made.append(...children)
  return made
}

function setAttributes(made: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
}

/** A button with a label, and what it does. */
export function button(attributes: Attributes, act: () => void, ...children: readonly Child[]): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, ...children)
  made.addEventListener('click', act)
  return made
}

/** `12 March 2025`, `March 2025` or `2025` for an ISO date, `12 March` for one without a year. */
export function longDate(date: string): string {
  const match = /^(\d{4}|-)(?:-(\d{2})(?:-(\d{2}))?)?/u.exec(date)
  if (match === null) return date
  const [, year, month, day] = match
  const names = 'January February March April May June July August September October November December'.split(' ')
  return [day && Number(day), month && names[Number(month) - 1], year !== '-' && year].filter(Boolean).join(' ')
}

/** A similarity as it is read most easily: two decimals, no leading zero. */
export const shortScore = (score: number) => score.toFixed(2).replace(/^(-?)0\./u, '$1.')

export const count = (number: number, noun: string) =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
