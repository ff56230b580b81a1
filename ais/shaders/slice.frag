// A slice with its contrast, and masks over it: FILLS of them filled, then OUTLINES of them as lines.
// With BASE 0 the slice is not drawn again: more masks are laid over what is there.
// TAPS: samples along each side of a screen pixel, more than 1 where the picture is shrunk.

out vec4 result;

uniform vec2 view;        // size of the view, screen pixels
uniform vec2 centre;      // picture coordinates (column, row) in the middle of the view
uniform float step_px;    // picture pixels per screen pixel
uniform vec2 size;        // of the picture (columns, rows)
uniform vec2 extent;      // picture pixels that the textures cover; larger than size where they are a reduced copy
uniform sampler2D picture;
uniform float low;
uniform float gain;       // 1 / (high - low)
uniform float invert;     // 0 or 1
uniform vec3 background;
uniform float reach;      // half the width of an outline, picture pixels

#define MASK(n) uniform sampler2D mask##n; uniform vec4 colour##n; uniform vec2 rule##n;
#define LAYERS (FILLS + OUTLINES)
#if LAYERS > 0
MASK(0)
#endif
#if LAYERS > 1
MASK(1)
#endif
#if LAYERS > 2
MASK(2)
#endif
#if LAYERS > 3
MASK(3)
#endif
#if LAYERS > 4
MASK(4)
#endif
#if LAYERS > 5
MASK(5)
#endif
#if LAYERS > 6
MASK(6)
#endif
#if LAYERS > 7
MASK(7)
#endif

// rule: x is the value from which a pixel belongs to the mask, y is 1 where all that do are equally opaque.
float filled(sampler2D mask, vec2 rule, vec2 at) {
    float value = textureLod(mask, at, 0.0).r;
    return value >= rule.x ? max(value, rule.y) : 0.0;
}

// 1 where the mask's border passes within reach: then some of four neighbours belong to it and some do not.
float lined(sampler2D mask, vec2 rule, vec2 at) {
    vec2 d = reach / extent;
    vec4 around = vec4(
        textureLod(mask, at + vec2(d.x, 0.0), 0.0).r, textureLod(mask, at - vec2(d.x, 0.0), 0.0).r,
        textureLod(mask, at + vec2(0.0, d.y), 0.0).r, textureLod(mask, at - vec2(0.0, d.y), 0.0).r);
    vec4 inside = step(vec4(rule.x), around);
    float count = dot(inside, vec4(1.0));
    return count > 0.5 && count < 3.5 ? 1.0 : 0.0;
}

#define LAYER(n) { \
    float amount = colour##n.a * ((n) < FILLS ? filled(mask##n, rule##n, at) : lined(mask##n, rule##n, at)); \
    shown = shown * (1.0 - amount) + vec4(colour##n.rgb * amount, amount); }

#if BASE
float grey_at(vec2 position) {
    float value = textureLod(picture, (position + 0.5) / extent, 0.0).r;
    return abs(invert - clamp((value - low) * gain, 0.0, 1.0));
}
#endif

void main() {
    // The first row of the target is the top of the view, where the largest row of the picture is.
    vec2 middle = gl_FragCoord.xy - 0.5 * view;
    vec2 position = centre + vec2(middle.x, -middle.y) * step_px;
    // Premultiplied: colour, and how much of what lies below it hides.
#if BASE
#if TAPS > 1
    float between = step_px / float(TAPS);
    vec2 first = position - 0.5 * (step_px - between);
    float grey = 0.0;
    for (int i = 0; i < TAPS * TAPS; i++) {
        grey += grey_at(first + vec2(float(i / TAPS), float(i % TAPS)) * between);
    }
    grey /= float(TAPS * TAPS);
#else
    float grey = grey_at(position);
#endif
    vec4 shown = vec4(vec3(grey), 1.0);
#else
    vec4 shown = vec4(0.0);
#endif
    // Masks are sampled once also where the picture is shrunk: noise needs the mean, an area does not.
    vec2 at = (position + 0.5) / extent;
#if LAYERS > 0
    LAYER(0)
#endif
#if LAYERS > 1
    LAYER(1)
#endif
#if LAYERS > 2
    LAYER(2)
#endif
#if LAYERS > 3
    LAYER(3)
#endif
#if LAYERS > 4
    LAYER(4)
#endif
#if LAYERS > 5
    LAYER(5)
#endif
#if LAYERS > 6
    LAYER(6)
#endif
#if LAYERS > 7
    LAYER(7)
#endif
    // Outside the picture there is the background, and the lines of masks end.
    bool outside = any(lessThan(position, vec2(-0.5))) || any(greaterThanEqual(position, size - 0.5));
#if BASE
    result = outside ? vec4(background, 1.0) : shown;
#else
    result = outside ? vec4(0.0) : shown;
#endif
}
