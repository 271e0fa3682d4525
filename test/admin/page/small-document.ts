/** As much of a browser's document as the status page uses. Setting markup is an error. */
export class SmallElement {
  readonly tagName: string
  readonly dataset: Record<string, string> = {}
  readonly properties = new Map<string, string>()
  readonly style = {
    setProperty: (name: string, value: string) => this.properties.set(name, value),
  }
  id = ''
  className = ''
  href = ''
  title = ''
  dateTime = ''
  hidden = false
  nodes: (SmallElement | string)[] = []
  parent: SmallElement | undefined

  constructor(tagName: string) {
    this.tagName = tagName
  }

  get children(): SmallElement[] {
    return this.nodes.filter((node) => typeof node !== 'string')
  }

  get firstElementChild(): SmallElement | null {
    return this.children[0] ?? null
  }

  get nextElementSibling(): SmallElement | null {
    const siblings = this.parent?.children ?? []
    return siblings[siblings.indexOf(this) + 1] ?? null
  }

  get textContent(): string {
    return this.nodes.map((node) => (typeof node === 'string' ? node : node.textContent)).join('')
  }

  set textContent(text: string) {
    this.nodes = [text]
  }

  set innerHTML(_markup: string) {
    throw new Error('The page must not set markup.')
  }

  append(...nodes: (SmallElement | string)[]): void {
    for (const node of nodes) this.insert(node, this.nodes.length)
  }

  insertBefore(node: SmallElement, place: SmallElement | null): void {
    node.remove()
    this.insert(node, place === null ? this.nodes.length : this.nodes.indexOf(place))
  }

  remove(): void {
    if (this.parent) this.parent.nodes = this.parent.nodes.filter((node) => node !== this)
    this.parent = undefined
  }

  find(isWanted: (element: SmallElement) => boolean): SmallElement[] {
    const below = this.children.flatMap((child) => child.find(isWanted))
    return isWanted(this) ? [this, ...below] : below
  }

  private insert(node: SmallElement | string, index: number): void {
    if (typeof node !== 'string') node.parent = this
    this.nodes.splice(index, 0, node)
  }
}

/** A document with an element for each id that the page's markup has. */
export function createSmallDocument(markup: string) {
  const elements = new Map<string, SmallElement>()
  for (const [, tagName = '', id = ''] of markup.matchAll(/<(\w+)[^>]*\bid="([^"]+)"/g)) {
    const element = new SmallElement(tagName)
    element.id = id
    elements.set(id, element)
  }
  return {
    hidden: false,
    createElement: (tagName: string) => new SmallElement(tagName),
    getElementById: (id: string) => elements.get(id) ?? null,
  }
}
