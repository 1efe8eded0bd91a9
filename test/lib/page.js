// Looks at a page that lies in a frame of a given width, and says what is wrong with it: text that is cut or
// covered, colours without contrast, what the keyboard does not reach.
'use strict';

// The channels of a colour as the browser writes it; alpha last.
function channels(colour) {
    const c = (colour.match(/[\d.]+/g) || ['0', '0', '0', '0']).map(Number);
    return c.length < 4 ? c.concat(1) : c;
}

function luminance(c) {
    const l = c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
}

function contrast(a, b) {
    const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
    return (x + 0.05) / (y + 0.05);
}

function background(view, element) {
    for (let e = element; e; e = e.parentElement) {
        const c = channels(view.getComputedStyle(e).backgroundColor);
        if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
}

function overlap(a, b) {
    return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
}

function lookAt(frame, width) {
    const view = frame.contentWindow, page = frame.contentDocument, faults = [];
    const say = (what, element) => faults.push(what + ': ' + (element.textContent || element.tagName).trim().slice(0, 60));
    if (page.documentElement.scrollWidth > width) faults.push('the page is wider than ' + width);
    if (page.querySelector('script, link, img, iframe, object, form')) faults.push('an element that is not wanted');
    for (const e of page.querySelectorAll('*')) {
        for (const a of e.attributes) if (/^on|^(src|action|formaction|srcdoc)$/.test(a.name)) say('attribute ' + a.name, e);
    }
    const walker = page.createTreeWalker(page.body, 4);
    let texts = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement, style = view.getComputedStyle(element);
        const svg = element.closest('svg');
        if (!node.data.trim() || element.closest('title, desc, style') || style.visibility === 'hidden') continue;
        texts++;
        const range = page.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect();
        const inScroll = element.closest('.scroll');
        if (box.width === 0) say('text without room', element);
        if (!inScroll && (box.left < -1 || box.right > width + 1)) say('text cut at the side', element);
        if (inScroll) {
            const s = inScroll.getBoundingClientRect();
            if (box.left + inScroll.scrollLeft < s.left - 1 || box.right > s.left + inScroll.scrollWidth + 1) say('text cut in a table', element);
        }
        const colour = channels(svg ? style.fill : style.color);
        const ratio = contrast(colour, background(view, element));
        if (ratio < 4.5) say('contrast ' + ratio.toFixed(2), element);
        if (parseFloat(style.fontSize) * (svg ? svg.getBoundingClientRect().width / (svg.viewBox.baseVal.width || 1) : 1) < 9)
            say('text too small', element);
    }
    if (texts < 50) faults.push('there is next to no text');
    for (const e of page.querySelectorAll('rect.a, path.l')) {
        const style = view.getComputedStyle(e), colour = channels(e.matches('.l') ? style.stroke : style.fill);
        if (contrast(colour, background(view, e.closest('svg').parentElement)) < 3) { say('contrast of a picture', e); break; }
    }
    const names = [...page.querySelectorAll('.sankey .n')].map(e => [e, e.getBoundingClientRect()]);
    for (let i = 0; i < names.length; i++)
        for (let j = i + 1; j < names.length; j++)
            if (overlap(names[i][1], names[j][1])) say('names over each other', names[i][0]);
    for (const svg of page.querySelectorAll('.chart, .sankey')) {
        if (!svg.querySelector('title') || !svg.querySelector('desc')) say('a picture without words', svg);
        const id = svg.id.replace('-chart', '');
        if (!page.querySelector('table#' + id)) say('a picture without a table', svg);
    }
    view.focus();
    for (const e of page.querySelectorAll('.p')) {
        const tip = e.querySelector('.tip');
        e.focus();
        if (page.activeElement !== e) { say('not reached by the keyboard', e); break; }
        if (tip && view.getComputedStyle(tip).visibility !== 'visible') { say('focus does not show the value', e); break; }
        if (tip) {
            const box = tip.getBoundingClientRect();
            if (box.left < -1 || box.right > width + 1) { say('a value cut at the side', tip); break; }
        }
    }
    for (const e of page.querySelectorAll('.scroll')) if (e.tabIndex !== 0) say('not scrolled by the keyboard', e);
    return faults;
}
