"""The keys of xl.cfg that no event channel depends on, so that all others can be named."""

__all__ = ["FREE_OF_CHANNELS"]

# docs/man/xl.cfg.5.pod.in; the last paragraph has keys of the older xm that xl passes over.
_KEYS = """
acpi acpi_firmware acpi_laptop_slate acpi_s3 acpi_s4 altp2m altp2mhvm apic arm_sci bios
bios_path_override boot bootloader bootloader_args bootloader_restrict
bootloader_user cap cmdline colo_proxy_script cpu cpu_cap cpu_weight cpuid
cpuid_faulting cpus cpus_soft description device_model device_model_args device_model_args_hvm
device_model_args_pv device_model_machine device_model_override
device_model_stubdomain_cmdline_append device_model_stubdomain_seclabel device_model_user
device_model_version device_tree display dm_restrict driver_domain dtbo dtdev e820_host
exec_ssidref extra extratime fda fdb firmware firmware_override force_assign_without_iommu
gfx_passthru gic_version grant_usage graphics hap hdtype hpet init_seclabel initrd
ioemu iomem ioports isa keymap latency llc_colors localtime max_grant_frames
max_grant_version max_maptrack_frames maxmem mca_caps mem_shr_limit memory memory_sharing
mmio_hole ms_vm_genid msitranslate msr_relaxed nestedhvm nodes nographic nomigrate nosdl nr_spis
numa_placement nx on_crash on_poweroff on_reboot on_soft_reset on_suspend on_watchdog
on_xend_start on_xend_stop oos opengl pae paging_memory parallel passthrough pci_msitranslate
pci_permissive pci_power_mgmt pci_seize period pirq pool pvshim_cmdline pvshim_extra
pvshim_path ramdisk rdm rdm_mem_boundary root rtc_timeoffset sched sdl seclabel serial
shadow_memory slice smbios smbios_firmware soundhw spice spice_clipboard_sharing
spice_image_compression spice_streaming_video spiceagent_mouse spicedisable_ticketing spicehost
spicepasswd spiceport spicetls_port spiceusbredirection spicevdagent static_shm stdvga
stubdomain_cmdline stubdomain_initrd stubdomain_kernel stubdomain_memory stubdomain_ramdisk
suppress_spurious_page_faults sve tee teletext timer_mode trap_unmapped_accesses tsc_mode usb
usbdevice usbversion uuid vendor_device vga video videoram viridian vm_notify vmtrace_buf_kb
vncconsole vncdisplay vnclisten vncpasswd vncunused vncviewer vpmu vpt_align xauthority
xen_platform_pci_bar_uc xend_suspend_evtchn_compat

autostart dhcp features gateway guest_os_type hostname ip loader netmask nfs_root nfs_server
onboot usbport vcpu_avail vncconnect
"""

FREE_OF_CHANNELS = frozenset(_KEYS.split())
