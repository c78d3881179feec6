/** Sets style properties of an element by script; a `style` attribute is what the page's policy forbids. */
import { type ElementPart, nothing } from "lit";
import { Directive, directive, type PartInfo, PartType } from "lit/directive.js";

class StyledDirective extends Directive {
  /** What stands there already: a list that scrolls comes by here for every row of every frame. */
  readonly #set = new Map<string, string>();

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new TypeError("styled stands on an element");
  }

  override update(part: ElementPart, [properties]: [Readonly<Record<string, string>>]): typeof nothing {
    if (part.element instanceof HTMLElement || part.element instanceof SVGElement) {
      for (const [name, value] of Object.entries(properties)) {
        if (this.#set.get(name) === value) continue;
        this.#set.set(name, value);
        part.element.style.setProperty(name, value);
      }
    }
    return nothing;
  }

  render(_properties: Readonly<Record<string, string>>): typeof nothing {
    return nothing;
  }
}

/** `<div ${styled({ "block-size": "10px" })}>`. */
export const styled = directive(StyledDirective);
