//! Which graphics adapters this machine has.

/// An adapter as `voxcast doctor` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterInfo {
    pub name: String,
    /// The graphics interface: `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`.
    pub kind: String,
    /// The driver's name and version, as far as it tells.
    pub driver: String,
    /// It only emulates a GPU on the CPU, so it is never used for pictures outside tests.
    pub software: bool,
    /// Most voxels along one axis of a volume.
    pub max_volume_dim: u32,
    pub max_buffer_bytes: u64,
}

/// All adapters, the most promising first. Empty on a machine without graphics drivers.
pub fn adapters() -> Vec<AdapterInfo> {
    enumerate().iter().map(describe).collect()
}

/// The text by which reasons and errors name an adapter.
pub(super) fn label(info: &AdapterInfo) -> String {
    format!("{} ({}, {})", info.name, info.kind, info.backend)
}

/// Percentage of the memory that the driver offers us at which an allocation fails cleanly, so
/// that other programs' windows survive a large volume.
const MEMORY_LIMIT_PERCENT: u8 = 90;

pub(super) fn enumerate() -> Vec<wgpu::Adapter> {
    // OpenGL is left out: it lacks some of the formats, and asking for it loads libEGL, which
    // writes to stderr on machines without a display.
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty();
    descriptor.memory_budget_thresholds.for_resource_creation = Some(MEMORY_LIMIT_PERCENT);
    let mut adapters = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    // The sort is stable: among equals the system's own order stays.
    adapters.sort_by_key(|adapter| {
        let info = adapter.get_info();
        let rank = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        };
        (is_software(&info), rank)
    });
    adapters
}

pub(super) fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "cpu",
        wgpu::DeviceType::Other => "other",
    };
    AdapterInfo {
        software: is_software(&info),
        backend: info.backend.to_string(),
        kind: kind.into(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
        name: info.name,
        max_volume_dim: limits.max_texture_dimension_3d,
        max_buffer_bytes: limits.max_buffer_size,
    }
}

/// Names of renderers that run on the CPU whatever device type they claim.
const SOFTWARE_NAMES: [&str; 6] =
    ["llvmpipe", "lavapipe", "softpipe", "swiftshader", "warp", "microsoft basic render"];

fn is_software(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
        || [&info.name, &info.driver].iter().any(|text| names_software(text))
}

fn names_software(text: &str) -> bool {
    let text = text.to_lowercase();
    SOFTWARE_NAMES.iter().any(|name| text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::names_software;

    #[test]
    fn software_adapters_are_known_by_name() {
        for name in [
            "llvmpipe (LLVM 15.0.6, 256 bits)",
            "SwiftShader Device (Subzero)",
            "Microsoft Basic Render Driver",
            "Google Vulkan 1.3.0 (SwiftShader Device (LLVM 10.0.0))",
            "WARP",
        ] {
            assert!(names_software(name), "{name}");
        }
        for name in
            ["NVIDIA GeForce RTX 4070", "Intel(R) UHD Graphics 770", "AMD Radeon RX 7600 (RADV NAVI33)"]
        {
            assert!(!names_software(name), "{name}");
        }
    }
}
