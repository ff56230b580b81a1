// How much of the sky each place sees past what is near it in the picture: 1 in the open, 0 in a deep hollow.
#include "scene_depth.glsl"
#include "scene_normal.glsl"

uniform usampler2D numbers;
uniform mat4 to_clip[1];
uniform float radius;
uniform int reduction;

out vec4 result;

const int TAPS = 20;

vec3 place_at(ivec2 pixel, ivec2 size) {
    float away = in_angstrom(texelFetch(depth, pixel, 0).r);
    vec2 clip = (vec2(pixel) + 0.5) / vec2(size) * 2.0 - 1.0;
    clip -= perspective > 0.5 ? -vec2(to_clip[0][2][0], to_clip[0][2][1]) : vec2(to_clip[0][3][0], to_clip[0][3][1]);
    vec2 slope = clip / vec2(to_clip[0][0][0], to_clip[0][1][1]);
    return vec3(perspective > 0.5 ? slope * away : slope, -away);
}

void main() {
    ivec2 size = textureSize(depth, 0);
    ivec2 here = min(ivec2(gl_FragCoord.xy) * reduction + reduction / 2, size - 1);
    uvec2 seen = texelFetch(numbers, here, 0).rg;
    if (seen.x == 0u || seen.x >= 0xFFFFFF00u) {
        result = vec4(1.0);
        return;
    }
    vec3 own = place_at(here, size);
    vec3 normal = unpacked_normal(seen.y);
    if (normal.z < 0.0) normal = -normal;
    float per_angstrom = abs(to_clip[0][0][0]) * 0.5 * float(size.x) / (perspective > 0.5 ? -own.z : 1.0);
    float wide = clamp(radius * per_angstrom, 4.0, 0.25 * float(size.y));
    ivec2 cell = ivec2(gl_FragCoord.xy) & 3;
    float turn = float(cell.x * 4 + ((cell.y * 3 + cell.x * 2) & 3)) * 0.3927;
    float hidden = 0.0;
    for (int tap = 0; tap < TAPS; tap++) {
        float share = (float(tap) + 0.5) / float(TAPS);
        float angle = turn + float(tap) * 2.39996;
        ivec2 there = here + ivec2(share * wide * vec2(cos(angle), sin(angle)));
        if (any(lessThan(there, ivec2(0))) || any(greaterThanEqual(there, size))) continue;
        vec3 way = place_at(there, size) - own;
        float far = length(way);
        float above = dot(way, normal) / max(far, 1e-6);
        hidden += max(above - 0.08, 0.0) * smoothstep(2.2 * radius, 0.6 * radius, far);
    }
    result = vec4(clamp(1.0 - 2.6 * hidden / float(TAPS), 0.0, 1.0));
}
