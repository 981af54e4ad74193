'use strict';
// Sorts and filters tables, shows exact values, copies links. Without it the page lacks nothing else.
document.addEventListener('DOMContentLoaded', () => {
  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // What is said: seen and read aloud, or only read aloud.
  const toast = make('div', {class: 'said', role: 'status'});
  const aloud = make('div', {class: 'away', role: 'status'});
  document.body.append(toast, aloud);
  let timer;
  const say = text => {
    clearTimeout(timer);
    toast.textContent = text;
    timer = setTimeout(() => { toast.textContent = ''; }, 4000);
  };

  // Links to copy.
  const copy = async text => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const focused = document.activeElement;
      const field = make('textarea', {class: 'away', readonly: ''});
      field.value = text;
      document.body.append(field);
      field.select();
      const isCopied = document.execCommand('copy');
      field.remove();
      focused?.focus();
      return isCopied;
    }
  };
  document.addEventListener('click', async event => {
    const link = event.target.closest?.('a.permalink');
    if (!link) return;
    const isCopied = await copy(link.href);
    say(isCopied ? 'Link copied' : 'The link is in the address bar: nothing may be copied here');
  });
  // What a link leads to may be folded up.
  const unfold = () => {
    let target = null;
    try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
    let isFolded = false;
    for (let at = target; at; at = at.parentElement) {
      if (at.localName !== 'details' || at.open) continue;
      at.open = true;
      isFolded = true;
    }
    if (isFolded) target.scrollIntoView();
  };
  addEventListener('hashchange', unfold);
  unfold();

  // Sorting. In each group of rows a column has one unit: a number is what its text starts with.
  const number = cell => {
    const text = cell.textContent.replace(/\s/g, '').replace(/\u2212/g, '-').replace(/^[\u003c>\u2248]/, '');
    const match = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?/.exec(text);
    return match ? Number(match[0]) : NaN;
  };
  // The cell in a column; none in a row that spans several.
  const cellAt = (row, column) => {
    let at = 0;
    for (const cell of row.cells) {
      if (at === column) return cell.colSpan === 1 ? cell : null;
      at += cell.colSpan;
    }
    return null;
  };
  const text = cell => cell?.textContent.trim() ?? '';
  const isBlank = cell => ['', '\u2013'].includes(text(cell));
  const leaves = table => {
    const taken = [];
    const found = [];
    [...table.tHead.rows].forEach((row, line) => {
      let column = 0;
      for (const head of row.cells) {
        while (taken[line]?.[column]) column += 1;
        for (let down = 0; down !== head.rowSpan; down += 1) {
          for (let across = 0; across !== head.colSpan; across += 1) {
            (taken[line + down] ??= [])[column + across] = true;
          }
        }
        if (head.scope === 'col') found.push({head, column});
        column += head.colSpan;
      }
    });
    return found;
  };
  const sort = (bodies, column, direction) => {
    for (const {body, rows} of bodies) {
      const keys = rows.map((row, place) => {
        const cell = cellAt(row, column);
        return {row, place, isBlank: isBlank(cell), number: cell ? number(cell) : NaN, text: text(cell)};
      });
      const areNumbers = column > 0 && keys.every(key => key.isBlank || !Number.isNaN(key.number));
      if (direction !== 0) {
        keys.sort((one, other) => {
          if (one.isBlank !== other.isBlank) return one.isBlank ? 1 : -1;
          const order = one.isBlank ? 0
            : areNumbers ? one.number - other.number
            : one.text.localeCompare(other.text, 'en', {numeric: true});
          return order * direction || one.place - other.place;
        });
      }
      body.append(...keys.map(key => key.row));
    }
  };
  // On a narrow page rows are stacked, and their heads out of sight.
  const stacked = matchMedia('screen and (max-width: 46rem)');
  const buttons = [];
  const enable = () => { for (const button of buttons) button.disabled = stacked.matches; };
  stacked.addEventListener('change', enable);
  for (const table of document.querySelectorAll('table.series, table.rungs')) {
    const bodies = [...table.tBodies].map(body => (
      {body, rows: [...body.rows].filter(row => !row.classList.contains('group'))}));
    const heads = leaves(table);
    table.tHead.classList.add('sorts');
    for (const {head, column} of heads) {
      const button = make('button', {type: 'button', class: 'sort'}, ...head.childNodes);
      head.append(button);
      buttons.push(button);
      button.addEventListener('click', () => {
        const next = {none: 'ascending', ascending: 'descending', descending: 'none'};
        const order = next[head.getAttribute('aria-sort') ?? 'none'];
        for (const other of heads) other.head.removeAttribute('aria-sort');
        if (order !== 'none') head.setAttribute('aria-sort', order);
        sort(bodies, column, {none: 0, ascending: 1, descending: -1}[order]);
      });
    }
  }
  enable();

  // The filter of all series: every word must be in a row's environment, workload, metric or finding.
  const lines = [];
  for (const details of document.querySelectorAll('details.series')) {
    const workload = text(details.querySelector('summary bdi'));
    for (const body of details.querySelectorAll('table.series > tbody')) {
      const metric = text(body.querySelector('tr.group'));
      for (const row of body.querySelectorAll('tr:not(.group)')) {
        const words = [workload, metric, text(row.cells[0]), text(row.cells[row.cells.length - 1])];
        lines.push({row, body, details, text: words.join(' ').toLowerCase()});
      }
    }
  }
  if (lines.length > 1) {
    const field = make('input', {type: 'search', id: 'filter', autocomplete: 'off', spellcheck: 'false'});
    const count = make('output', {for: 'filter', 'aria-live': 'polite'});
    const form = make('form', {class: 'filter', role: 'search'},
      make('label', {for: 'filter'}, 'Environment, workload, metric or finding'), field, count);
    document.getElementById('series').after(form);
    form.addEventListener('submit', event => event.preventDefault());
    const groups = new Set(lines.flatMap(line => [line.body, line.details]));
    let wereOpen = null;
    const filter = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = new Set();
      let matches = 0;
      for (const line of lines) {
        const isMatch = words.every(word => line.text.includes(word));
        line.row.classList.toggle('out', !isMatch);
        if (!isMatch) continue;
        matches += 1;
        shown.add(line.body).add(line.details);
      }
      if (words.length > 0 && !wereOpen) wereOpen = new Map([...groups].map(group => [group, group.open]));
      for (const group of groups) {
        group.classList.toggle('out', !shown.has(group));
        if (group.localName === 'details' && wereOpen) group.open = words.length > 0 ? true : wereOpen.get(group);
      }
      if (words.length === 0) wereOpen = null;
      count.textContent = `${matches} of ${lines.length} series`;
    };
    field.addEventListener('input', filter);
    filter();
  }

  // Exact values: of what is pointed at, or, with a chart in focus, of what the arrow keys come to.
  const tip = make('div', {class: 'tip', 'aria-hidden': 'true'});
  (document.querySelector('main') ?? document.body).append(tip);
  const hide = () => { tip.classList.remove('on'); };
  const show = (words, x, y) => {
    tip.textContent = words;
    tip.classList.add('on');
    const box = tip.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(4, Math.min(x - box.width / 2, width - box.width - 4))}px`;
    tip.style.top = `${4 > y - box.height - 12 ? y + 16 : y - box.height - 12}px`;
  };
  for (const chart of document.querySelectorAll('svg.chart[role=img]')) {
    const own = chart.querySelector(':scope > title');
    const notes = new Map();
    for (const title of chart.querySelectorAll('title')) {
      if (title !== own) notes.set(title.parentElement, title.textContent);
    }
    // A line is thin: what is near it counts.
    for (const line of chart.querySelectorAll('.hop > line')) {
      const near = line.cloneNode();
      near.setAttribute('class', 'hit');
      line.before(near);
    }
    // Dots have their values in the figure's table.
    chart.querySelectorAll('g.dots').forEach((strip, line) => {
      const table = chart.parentElement.querySelector('details.data table');
      const unit = text(table?.caption.querySelector('.soft'));
      const values = text(table?.tBodies[0].rows[line]?.cells[5]).split(', ');
      [...strip.children].forEach((dot, trial) => {
        if (values[trial]) notes.set(dot, `trial ${trial + 1}: ${values[trial]} ${unit}`);
      });
    });
    if (notes.size === 0) continue;
    // The browser's own hints would lie over these.
    for (const mark of notes.keys()) mark.querySelector(':scope > title')?.remove();
    if (own) {
      chart.setAttribute('aria-label', own.textContent);
      const summary = chart.querySelector(':scope > desc');
      if (summary) chart.setAttribute('aria-describedby', summary.id);
      chart.removeAttribute('aria-labelledby');
      own.remove();
    }
    const marks = [...notes.keys()];
    let place = -1;
    chart.setAttribute('tabindex', '0');
    chart.addEventListener('pointerover', event => {
      let mark = event.target;
      while (mark && mark !== chart && !notes.has(mark)) mark = mark.parentElement;
      if (mark && notes.has(mark)) show(notes.get(mark), event.clientX, event.clientY); else hide();
    });
    chart.addEventListener('pointerleave', hide);
    chart.addEventListener('blur', () => { place = -1; hide(); });
    chart.addEventListener('focus', () => { aloud.textContent = `Arrow keys lead through ${marks.length} values`; });
    chart.addEventListener('keydown', event => {
      const next = {ArrowRight: place + 1, ArrowLeft: Math.max(place, 1) - 1, Home: 0, End: marks.length - 1}[event.key];
      if (event.key === 'Escape') hide();
      if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      place = Math.min(next, marks.length - 1);
      const box = marks[place].getBoundingClientRect();
      show(notes.get(marks[place]), box.left + box.width / 2, box.top);
      aloud.textContent = notes.get(marks[place]).replace(/\n/g, ', ');
    });
  }
  addEventListener('keydown', event => { if (event.key === 'Escape') hide(); });
  addEventListener('scroll', hide, {passive: true});
});
