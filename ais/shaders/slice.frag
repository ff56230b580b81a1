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

#define LAYERS (FILLS + OUTLINES)
#if LAYERS > 0
uniform sampler2D mask0;
uniform vec4 colour0;
uniform vec2 rule0;
#endif
#if LAYERS > 1
uniform sampler2D mask1;
uniform vec4 colour1;
uniform vec2 rule1;
#endif
#if LAYERS > 2
uniform sampler2D mask2;
uniform vec4 colour2;
uniform vec2 rule2;
#endif
#if LAYERS > 3
uniform sampler2D mask3;
uniform vec4 colour3;
uniform vec2 rule3;
#endif
#if LAYERS > 4
uniform sampler2D mask4;
uniform vec4 colour4;
uniform vec2 rule4;
#endif
#if LAYERS > 5
uniform sampler2D mask5;
uniform vec4 colour5;
uniform vec2 rule5;
#endif
#if LAYERS > 6
uniform sampler2D mask6;
uniform vec4 colour6;
uniform vec2 rule6;
#endif
#if LAYERS > 7
uniform sampler2D mask7;
uniform vec4 colour7;
uniform vec2 rule7;
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

#define LAYER(n, mask, colour, rule) { \
    float amount = colour.a * ((n) < FILLS ? filled(mask, rule, at) : lined(mask, rule, at)); \
    shown = shown * (1.0 - amount) + vec4(colour.rgb * amount, amount); }

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
    LAYER(0, mask0, colour0, rule0)
#endif
#if LAYERS > 1
    LAYER(1, mask1, colour1, rule1)
#endif
#if LAYERS > 2
    LAYER(2, mask2, colour2, rule2)
#endif
#if LAYERS > 3
    LAYER(3, mask3, colour3, rule3)
#endif
#if LAYERS > 4
    LAYER(4, mask4, colour4, rule4)
#endif
#if LAYERS > 5
    LAYER(5, mask5, colour5, rule5)
#endif
#if LAYERS > 6
    LAYER(6, mask6, colour6, rule6)
#endif
#if LAYERS > 7
    LAYER(7, mask7, colour7, rule7)
#endif
    // Outside the picture there is the background, and the lines of masks end.
    bool outside = any(lessThan(position, vec2(-0.5))) || any(greaterThanEqual(position, size - 0.5));
#if BASE
    result = outside ? vec4(background, 1.0) : shown;
#else
    result = outside ? vec4(0.0) : shown;
#endif
}
