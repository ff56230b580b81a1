// What is transparent, weighted by how near it is, so that the order of drawing does not matter
// (McGuire and Bavoil, Weighted blended order-independent transparency, 2013).
#include "scene_table.glsl"
#include "scene_body.glsl"
#include "scene_light.glsl"

uniform float alpha;
uniform vec2 reach;
uniform float depth_cue;
uniform vec3 background;

layout(location = 0) out vec4 sum;
layout(location = 1) out vec4 weights;

void main() {
    vec3 colour;
    float strength = alpha;
#if BODY == 2
    vec3 where = at;
    colour = vec3(texture(picture, place).r);
#else
    vec3 where;
    vec3 facing = normalize(faces_to(where));
    vec4 found = entry(number);
    colour = min(lit(painted(found), facing, 1.0), 1.0);
#if !QUICK
    // Seen at a glancing angle there is more of it.
    strength = 1.0 - pow(1.0 - alpha, 1.0 / max(abs(facing.z), 0.25));
#endif
    if (found.a > 0.75) strength = max(strength, 0.85);
#endif
    float far = clamp((-where.z - reach.x) / (reach.y - reach.x), 0.0, 1.0);
#if BODY != 2
    colour = mix(colour, background, depth_cue * far);
#endif
    float weight = strength * exp2(-9.0 * far);
    sum = vec4(colour * weight, strength);
    weights = vec4(weight, 0.0, 0.0, strength);
}
