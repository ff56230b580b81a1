// The picture: what is seen at each pixel, lit, lined and faded; then what is transparent before it.
#include "scene_table.glsl"
#include "scene_normal.glsl"
#include "scene_light.glsl"
#include "scene_depth.glsl"

uniform usampler2D numbers;
uniform vec2 reach;
uniform float depth_cue;
uniform vec3 background;
uniform float cover;
uniform int line;
uniform float jump;
#if LAYERS
uniform sampler2D sum;
uniform sampler2D weights;
#endif
#if OCCLUSION
uniform sampler2D open_sky;
uniform float occlusion;
#endif
#if EDGES == 2
uniform usampler2D front_numbers;
uniform sampler2D front_depth;
#endif

#if GLOW
uniform sampler2D glow;
uniform sampler2D glow_weights;
uniform int reduction;
#endif

out vec4 result;

#if GLOW
vec4 ray_at(ivec2 there) {
    vec4 found = texelFetch(glow, there, 0);
    // Where several cover what is behind, each has its share of what they cover together.
    float weight = texelFetch(glow_weights, there, 0).r;
    if (weight > 1e-3) found.rgb *= (1.0 - found.a) / weight;
    return found;
}

vec4 glow_at(ivec2 here) {
#if GLOW == 1
    return ray_at(here);
#else
    // Of the rays around a pixel, those that end at about the same depth count most: else light would spread over the
    // silhouettes of what is before it.
    ivec2 last = textureSize(glow, 0) - 1;
    vec2 place = (vec2(here) + 0.5) / float(reduction) - 0.5;
    ivec2 corner = ivec2(floor(place));
    vec2 share = place - vec2(corner);
    float own = in_angstrom(texelFetch(depth, here, 0).r);
    vec4 total = vec4(0.0);
    float counted = 0.0;
    for (int n = 0; n < 4; n++) {
        ivec2 way = ivec2(n & 1, n >> 1);
        ivec2 there = clamp(corner + way, ivec2(0), last);
        ivec2 middle = min(there * reduction + reduction / 2, textureSize(depth, 0) - 1);
        float apart = (in_angstrom(texelFetch(depth, middle, 0).r) - own) / jump;
        vec2 near = mix(1.0 - share, share, vec2(way));
        float weight = (near.x * near.y + 1e-3) / (1.0 + 100.0 * apart * apart);
        total += weight * ray_at(there);
        counted += weight;
    }
    return total / counted;
#endif
}
#endif

#if EDGES
#if EDGES == 2
#define NUMBERS front_numbers
#define DEPTHS front_depth
#else
#define NUMBERS numbers
#define DEPTHS depth
#endif

bool highlighted(uint number) { return number != 0u && number < SLICES && entry(number - 1u).a > 0.75; }

float distance_at(ivec2 place) {
    ivec2 last = textureSize(DEPTHS, 0) - 1;
    return in_angstrom(texelFetch(DEPTHS, clamp(place, ivec2(0), last), 0).r);
}

uint number_at(ivec2 place) {
    ivec2 last = textureSize(NUMBERS, 0) - 1;
    return texelFetch(NUMBERS, clamp(place, ivec2(0), last), 0).r;
}

// x: how much of a silhouette's line is here, y: of the line around what is highlighted.
vec2 lines(ivec2 here) {
    uint number = number_at(here);
#if HIGHLIGHTS
    bool chosen = highlighted(number);
#endif
    vec2 found = vec2(0.0);
    float own = distance_at(here);
    for (int axis = 0; axis < 2; axis++) {
        ivec2 way = axis == 0 ? ivec2(line, 0) : ivec2(0, line);
        uint one = number_at(here + way);
        uint other = number_at(here - way);
        if (number != 0u && number < SLICES) {
            float bend = distance_at(here + way) + distance_at(here - way) - 2.0 * own;
            found.x = max(found.x, smoothstep(jump, 2.0 * jump, bend));
        }
#if HIGHLIGHTS
        // The line around what is highlighted is twice as wide.
        uint before = number_at(here + 2 * way);
        uint after = number_at(here - 2 * way);
        if (one != number || other != number || before != number || after != number) {
            bool differs = highlighted(one) != chosen || highlighted(other) != chosen;
            if (differs || highlighted(before) != chosen || highlighted(after) != chosen) found.y = 1.0;
        }
#endif
    }
    return found;
}
#endif

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    uvec2 seen = texelFetch(numbers, here, 0).rg;
    vec4 colour = vec4(background * cover, cover);
    if (seen.x >= SLICES) {
        colour = vec4(vec3(float(seen.y) / 255.0), 1.0);
    } else if (seen.x != 0u) {
        float sky = 1.0;
#if OCCLUSION
        sky = 1.0 - occlusion * (1.0 - texture(open_sky, gl_FragCoord.xy / vec2(textureSize(numbers, 0))).r);
#endif
        colour = vec4(min(lit(painted(entry(seen.x - 1u)), unpacked_normal(seen.y), sky), 1.0), 1.0);
        float far = clamp((in_angstrom(texelFetch(depth, here, 0).r) - reach.x) / (reach.y - reach.x), 0.0, 1.0);
        colour.rgb = mix(colour.rgb, background, depth_cue * far);
    }
#if LAYERS
    vec4 before = texelFetch(sum, here, 0);
    float through = before.a;
    colour = mix(vec4(before.rgb / max(texelFetch(weights, here, 0).r, 1e-6), 1.0), colour, through);
#endif
#if EDGES
    vec2 drawn = lines(here);
    colour = mix(colour, vec4(0.0, 0.0, 0.0, 1.0), 0.8 * drawn.x * float(SILHOUETTES));
#endif
#if GLOW
    vec4 light = glow_at(here);
    colour = vec4(light.a * colour.rgb + light.rgb, 1.0 - light.a * (1.0 - colour.a));
    // On nothing, added light must be at least as opaque as it is bright.
    colour.a = max(colour.a, min(max(colour.r, max(colour.g, colour.b)), 1.0));
#endif
#if EDGES
    colour = mix(colour, vec4(accent, 1.0), drawn.y);
#endif
    result = colour;
}
